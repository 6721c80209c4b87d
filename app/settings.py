"""The station's settings: one TOML file in the data folder, checked when read, written atomically."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import tomlkit
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from app.cloud.session import CloudAddress
from app.domain.addresses import without_credentials as without_credentials
from app.domain.errors import LinesightError
from app.domain.light import read_light_table
from app.domain.look import MOST, LookRegion, checked
from app.domain.parcel import read_hours
from app.domain.periods import read_shifts

MOST_BESIDE = 7
"""Cameras beside the first: eight pictures are what one screen can show."""

OutputName = Literal["modbus", "opcua", "http", "mqtt", "webhook", "light"]
OUTPUTS: tuple[OutputName, ...] = ("modbus", "opcua", "http", "mqtt", "webhook", "light")
"""What the line can be told over."""

LookRegions = Annotated[tuple[LookRegion, ...], Field(max_length=MOST), AfterValidator(checked)]


def _a_row(value: int) -> int:
    if value == 1:
        raise ValueError("one FAIL is no row: write 2 or more, or 0 for the number of the alarm rules")
    return value


FailsInARow = Annotated[int, Field(ge=0, le=1000), AfterValidator(_a_row)]


class Camera(BaseModel):
    """A further camera of the station.

    Attributes:
        name: what people call it.
        source: SOURCE address.
        model: NAME@VERSION or a file's path; "" for the one of the first source.
        product: its parts are recorded under; "" for the product of the first source.
        look_regions: where on its picture parts are judged; () for everywhere.
        threshold: a score from which on its parts fail, in place of the model's own; 0 for that.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=40)
    source: str = Field(min_length=1)
    model: str = ""
    product: str = Field(default="", max_length=60)
    look_regions: LookRegions = ()
    threshold: float = Field(default=0.0, ge=0, le=1e6)


class Settings(BaseModel):
    """What a user may choose. Unknown keys are refused, so that a typing error is not silence.

    Attributes:
        station: the name on records and reports.
        source: SOURCE address the live way starts with (credentials are kept here, in the user's own
            data folder with mode 600, and nowhere else).
        cameras: further cameras beside the source.
        views: whether each of them sees parts of its own, or all look at the first one's part.
        views_failing: then so many of the cameras must see a defect for the part to fail.
        look_regions: where on the source's picture parts are judged; () for everywhere.
        threshold: a score from which on the source's parts fail, in place of the model's own; 0 for that.
        product: the name under which models are made and parts recorded.
        model: NAME@VERSION or a file's path; "" while none is trained.
        zone: IANA time zone; "" takes the computer's.
        day_starts_at: when the station's day begins: a night shift belongs to the day it began.
        record_every_seconds: how often unchanged continuous viewing is recorded.
        theme: look of the screen.
        kiosk: the program covers the screen from its start, and only whoever may change settings ends it.
        screen_keyboard: when keys come on the screen: for a finger's tap on a field, for any, or never.
        pixels_per_mm: of this screen, for 15 mm targets; EDID lies too often to be believed.
        sound: whether an alarm is heard.
        read_codes: whether the serial of a part is read from a bar or matrix code in its picture.
        scan_prefix: what the barcode scanner types before each code, "" for nothing: then its speed tells it.
        lock_after_minutes: without a touch, after which nobody is signed in any more; 0 for never.
        pedal_key: the key that a foot pedal presses, as Qt names it; the space bar always does.
        keep_rejects_days: pictures of FAIL, RETEST and ERROR; 0 for ever.
        keep_pass_share: of PASS pictures this share stays, 1 for all.
        sample_pass_after_days: until then all PASS pictures stay.
        keep_pass_days: the sample too; 0 for ever.
        review_pass_rate, review_fail_rate: shares of PASS and FAIL parts that people look at again, drawn at random.
        review_second_rate: share of reviewed parts that a second person is asked about, blind.
        review_confidence_below: a verdict less sure than this is looked at again.
        review_days: older parts are not.
        retrain_after_labels: so many new labels and the station proposes a training.
        retrain_below_agreement: so does an agreement of people with the station on random parts that is surely lower.
        tidy_by_itself: whether the station deletes by these rules every day.
        parts_a_day, defect_share: what the line makes, for what a threshold does to a day of it.
        escape_cost, reject_cost, currency: of a defective part that passes, and of a good one that fails; 0: not told.
        keep_free_gb: when less is free on the disk, the oldest pictures may go, PASS first; 0 for never.
        shifts: when each begins and its name, such as "06:00 Early"; a shift lasts until the next one.
        planned_fail_percent: share of failed parts that is planned for; 0 where none is.
        rework_minutes: that putting one failed part right takes; 0 where it is not known.
        report_each: periods whose report is made by itself.
        report_at: when that of a day is made, on the station's clock; that of a shift follows its end.
        report_formats: of these reports.
        report_folder: where they go; "" for the data folder's own.
        aws_region, aws_profile: where the AWS account is and who asks, no secret; "" takes the computer's own settings.
        aws_key_id: of an access key whose secret lies in the system's keyring; "" asks the profile or the usual chain.
        aws_role, aws_external_id: ARN of a role to act as, and what its owner asks for; "" for none.
        aws_endpoint: of the services instead of Amazon's own; "" for none.
        cloud_topic: ARN of the SNS topic where stations tell each other of alarms and answers; "" for none.
        cloud_bucket: S3 bucket that rows, reviews, alarms, pictures of rejects, reports and models go to; "" for
            none.
        cloud_site: the site they are filed under there.
        cloud_kilobytes: sent a second at most (1 kB = 1000 bytes); 0 for no limit.
        cloud_hours: when they are sent, such as "22:00-06:00" on the station's clock; "" for always.
        cloud_paused: nothing is sent until this is taken back; it waits meanwhile.
        cloud_train_queue: URL of the stack's SQS queue of trainings; "" for none.
        cloud_models: S3 bucket where the stack lays candidates that it made of reviews; "" for none.
        cloud_queue: URL of this station's SQS queue, where it hears of them and of the cloud's verdicts; "" for none.
        judge: who judges parts: the local model; one in the cloud, for which the local one stands in where it is slow
            or gone; or both, compared, of which the local one decides. Takes effect when the line starts.
        cloud_model: PROJECT@VERSION of a service that speaks Lookout for Vision's API, or sagemaker:ENDPOINT; "" for
            none.
        cloud_model_endpoint: its URL; "" for `aws_endpoint`.
        sagemaker_model: of SageMaker, which the endpoint is started with when a line asks it; "" where it is started
            elsewhere.
        sagemaker_instance, sagemaker_price: type of the endpoint's machine, and what an hour of it costs (0: not told).
        sagemaker_idle_minutes: an endpoint started here is deleted when nobody has asked it for so long.
        cloud_patience: seconds that a part waits for the cloud at most.
        video_stream: Kinesis video stream that the line's camera is sent to; "" for none.
        video_images: fragments of it ask to become pictures in S3.
        fleet_bucket: S3 bucket with what all stations sent, to look at their figures; "" for none.
        fleet_database, fleet_workgroup: of Athena, which then counts; "" counts here over the bucket's files.
        video_clips: the ten seconds around a defect are kept with its alarm.
        trigger: who says that a part lies before the first camera: the source as it gives them; a hand on the button,
            the space bar or the pedal; a timer; the part itself by its presence in the picture; or its code, scanned or
            found in the picture.
        trigger_seconds: from part to part of the timer.
        presence_percent: of the picture that a part covers at least.
        presence_still: seconds that a part must stand still before it is inspected.
        line_trigger: parts are taken when the line triggers, too.
        recipe, recipe_before: NAME@VERSION that the last change-over brought, and that ran before it; "" for none.
        line_changes: a trigger of the line for another recipe than the running one changes over to it.
        check_needed: the line gets no Trigger Ready until the check of the challenge parts has passed.
        check_hours: a passed check holds so long; 0 until shift, model or camera change.
        line_timeout: seconds after which a trigger that got no verdict is answered with an error.
        line_debounce: seconds after a trigger in which another one is a bouncing contact.
        line_outputs: those of `OUTPUTS` that are used; the others rest, whatever address they have.
        fails_in_a_row: FAILs in a row that raise an alarm, in place of the number of the alarm rules; 0 for theirs.
        fails_hold: that alarm holds the line: no trigger is taken until it is acknowledged.
        line_recipes: numbers that the line knows products by, such as "7 Bracket".
        line_broker: mqtt://[USER@]HOST[:PORT] or mqtts:// of the broker that results and signals go to; "" for none.
        line_topic: everything there lies below it.
        line_webhook: URL that every result is posted to; "" for none.
        modbus_listen: HOST:PORT of the Modbus TCP server, "0.0.0.0" for every network; "" for none.
        opcua_listen: the same of the OPC UA server.
        opcua_user: who may use it, with a password from the keyring and encrypted; "" for everybody, unencrypted.
        http_listen: HOST:PORT of the HTTP server for the line; "" for none.
        http_keyed: its requests need the key from the keyring; False for whoever reaches the port.
        serial_trigger: PORT[:BAUD] of the serial port that triggers parts; "" for none. Likewise the next ones.
        serial_trigger_by: what triggers there: a line of text, or a modem input that goes on.
        serial_scanner: a scanner that names the next part.
        serial_light: a stack light.
        serial_light_table: what it is sent for each state, such as "PASS \\x01G"; empty for the defaults.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    station: str = Field(default="Station 1", min_length=1, max_length=60)
    source: str = "demo"
    cameras: list[Camera] = Field(default=[], max_length=MOST_BESIDE)
    views: Literal["apart", "part"] = "apart"
    views_failing: int = Field(default=1, ge=1, le=MOST_BESIDE + 1)
    look_regions: LookRegions = ()
    threshold: float = Field(default=0.0, ge=0, le=1e6)
    product: str = Field(default="Demo plate", min_length=1, max_length=60)
    model: str = ""
    zone: str = ""
    day_starts_at: time = time(0, 0)
    record_every_seconds: float = Field(default=10.0, ge=0.5, le=3600)
    theme: Literal["dark", "light"] = "dark"
    kiosk: bool = False
    screen_keyboard: Literal["auto", "always", "never"] = "auto"
    pixels_per_mm: float = Field(default=0.0, ge=0, le=30)
    sound: bool = True
    read_codes: bool = False
    scan_prefix: str = Field(default="", max_length=8)
    lock_after_minutes: float = Field(default=10.0, ge=0, le=24 * 60)
    pedal_key: str = Field(default="", max_length=40)
    keep_rejects_days: int = Field(default=0, ge=0, le=36_500)
    keep_pass_share: float = Field(default=1.0, ge=0, le=1)
    sample_pass_after_days: int = Field(default=30, ge=0, le=36_500)
    keep_pass_days: int = Field(default=0, ge=0, le=36_500)
    keep_free_gb: float = Field(default=0.0, ge=0, le=1_000_000)
    aws_region: str = Field(default="", max_length=60)
    aws_profile: str = Field(default="", max_length=100)
    aws_key_id: str = Field(default="", pattern=r"^([A-Z0-9]{16,128})?$")
    aws_role: str = Field(default="", pattern=r"^(arn:aws[a-z-]*:iam::[0-9]{12}:role/.{1,512})?$")
    aws_external_id: str = Field(default="", max_length=1224, pattern=r"^[A-Za-z0-9+=,.@:/_-]*$")
    aws_endpoint: str = Field(default="", pattern=r"^(https?://[^\s@]+)?$")
    cloud_topic: str = Field(
        default="", pattern=r"^(arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?)?$"
    )
    cloud_bucket: str = Field(default="", pattern=r"^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$")
    cloud_site: str = Field(default="Site 1", min_length=1, max_length=60)
    cloud_kilobytes: float = Field(default=0.0, ge=0, le=10_000_000)
    cloud_hours: str = Field(default="", max_length=40)
    cloud_paused: bool = False
    cloud_train_queue: str = Field(default="", max_length=1000, pattern=r"^(https?://[^\s@]+)?$")
    cloud_models: str = Field(default="", pattern=r"^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$")
    cloud_queue: str = Field(default="", max_length=1000, pattern=r"^(https?://[^\s@]+)?$")
    judge: Literal["local", "cloud", "both"] = "local"
    cloud_model: str = Field(
        default="", pattern=r"^(sagemaker:[a-zA-Z0-9-]{1,63}|[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}(@[1-9][0-9]{0,9})?)?$"
    )
    sagemaker_model: str = Field(default="", pattern=r"^[a-zA-Z0-9-]{0,63}$")
    sagemaker_instance: str = Field(default="ml.c5.2xlarge", pattern=r"^ml\.[a-z0-9.-]{1,60}$")
    sagemaker_price: float = Field(default=0.0, ge=0, le=10_000)
    sagemaker_idle_minutes: float = Field(default=30.0, ge=5, le=24 * 60)
    cloud_model_endpoint: str = Field(default="", pattern=r"^(https?://[^\s@]+)?$")
    cloud_patience: float = Field(default=1.0, ge=0.05, le=15)
    video_stream: str = Field(default="", pattern=r"^[a-zA-Z0-9_.-]{0,256}$")
    video_images: bool = False
    video_clips: bool = False
    fleet_bucket: str = Field(default="", pattern=r"^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$")
    fleet_database: str = Field(default="", pattern=r"^[a-z0-9_]{0,255}$")
    fleet_workgroup: str = Field(default="", pattern=r"^[a-zA-Z0-9._-]{0,128}$")
    trigger: Literal["source", "hand", "timer", "presence", "code"] = "source"
    trigger_seconds: float = Field(default=5.0, ge=0.2, le=86_400)
    presence_percent: float = Field(default=1.0, ge=0.05, le=90)
    presence_still: float = Field(default=0.2, ge=0, le=10)
    line_trigger: bool = False
    recipe: str = Field(default="", max_length=80)
    recipe_before: str = Field(default="", max_length=80)
    line_changes: bool = False
    check_needed: bool = False
    check_hours: float = Field(default=0, ge=0, le=720)
    line_timeout: float = Field(default=5.0, ge=0.1, le=60)
    line_debounce: float = Field(default=0.05, ge=0, le=5)
    line_outputs: list[OutputName] = list(OUTPUTS)
    fails_in_a_row: FailsInARow = 0
    fails_hold: bool = False
    line_recipes: list[str] = Field(default=[], max_length=500)
    line_broker: str = Field(default="", pattern=r"^(mqtts?://([^\s@:/]+@)?[A-Za-z0-9._-]+(:[0-9]{1,5})?)?$")
    line_topic: str = Field(default="linesight/line", min_length=1, max_length=200, pattern=r"^[^+#\x00\s]+$")
    line_webhook: str = Field(default="", max_length=1000, pattern=r"^(https?://[^\s@]+)?$")
    modbus_listen: str = Field(default="", pattern=r"^([A-Za-z0-9.:_-]+:[0-9]{1,5})?$")
    opcua_listen: str = Field(default="", pattern=r"^([A-Za-z0-9.:_-]+:[0-9]{1,5})?$")
    opcua_user: str = Field(default="", max_length=60, pattern=r"^[^\s:]*$")
    http_listen: str = Field(default="", pattern=r"^([A-Za-z0-9.:_-]+:[0-9]{1,5})?$")
    http_keyed: bool = False
    serial_trigger: str = Field(default="", max_length=200, pattern=r"^\S*$")
    serial_trigger_by: Literal["text", "cts", "dsr", "dcd"] = "text"
    serial_scanner: str = Field(default="", max_length=200, pattern=r"^\S*$")
    serial_light: str = Field(default="", max_length=200, pattern=r"^\S*$")
    serial_light_table: list[str] = Field(default=[], max_length=12)

    tidy_by_itself: bool = False

    review_pass_rate: float = Field(default=0.02, ge=0, le=1)
    review_fail_rate: float = Field(default=0.2, ge=0, le=1)
    review_second_rate: float = Field(default=0.1, ge=0, le=1)
    review_confidence_below: float = Field(default=0.8, ge=0, le=1)
    review_days: int = Field(default=14, ge=1, le=365)
    retrain_after_labels: int = Field(default=30, ge=5, le=100_000)
    retrain_below_agreement: float = Field(default=0.9, ge=0, le=1)

    shifts: list[str] = Field(default=[], max_length=24)
    planned_fail_percent: float = Field(default=0.0, ge=0, lt=100)
    rework_minutes: float = Field(default=0.0, ge=0, le=10_000)
    report_each: list[Literal["shift", "day"]] = []
    report_at: time = time(6, 0)
    report_formats: list[Literal["xlsx", "pdf", "csv", "parquet"]] = Field(default=["xlsx", "pdf"], min_length=1)
    report_folder: str = ""

    @field_validator("cameras")
    @classmethod
    def _each_once(cls, value: list[Camera]) -> list[Camera]:
        names = [each.name.casefold() for each in value]
        twice = next((each.name for each in value if names.count(each.name.casefold()) > 1), None)
        if twice is not None:
            raise ValueError(f"two cameras are called {twice!r}; give one another name")
        return value

    @field_validator("cloud_hours")
    @classmethod
    def _known_hours(cls, value: str) -> str:
        read_hours(value)
        return value

    @field_validator("line_recipes")
    @classmethod
    def _known_recipes(cls, value: list[str]) -> list[str]:
        read_recipes(value)
        return value

    @field_validator("serial_light_table")
    @classmethod
    def _known_light(cls, value: list[str]) -> list[str]:
        if value:
            read_light_table(value)
        return value

    @field_validator("shifts")
    @classmethod
    def _known_shifts(cls, value: list[str]) -> list[str]:
        try:
            read_shifts(value)
        except LinesightError as error:
            raise ValueError(str(error).rstrip(".")) from error
        return value

    parts_a_day: float = Field(default=1000.0, ge=0, le=1e9)
    defect_share: float = Field(default=0.05, ge=0, le=1)
    escape_cost: float = Field(default=0.0, ge=0, le=1e9)
    reject_cost: float = Field(default=0.0, ge=0, le=1e9)
    currency: str = Field(default="EUR", min_length=1, max_length=8)

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value:
            try:
                ZoneInfo(value)
            except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: a folder of zones
                raise ValueError(f"{value!r} is not a time zone such as Europe/Berlin") from error
        return value

    def account(self) -> CloudAddress:
        """The way to the AWS account."""
        return CloudAddress(
            self.aws_region,
            self.aws_profile,
            self.aws_endpoint,
            self.aws_key_id,
            self.aws_role,
            self.aws_external_id,
        )


def read_recipes(lines: list[str]) -> dict[int, str]:
    """Products by the number that the line knows them by; ValueError for a line that says nothing of the kind."""
    found: dict[int, str] = {}
    for line in lines:
        number, _, product = line.strip().partition(" ")
        if not (number.isascii() and number.isdecimal() and 0 < int(number) < 65536 and product.strip()):
            raise ValueError(f"{line!r} is no number from 1 to 65535 followed by a product, such as 7 Bracket")
        if int(number) in found:
            raise ValueError(f"the number {int(number)} is given twice")
        found[int(number)] = product.strip()
    return found


def load(path: Path) -> Settings:
    """Reads the file; defaults where there is none.

    Raises:
        LinesightError: the file can't be read or holds something wrong; names file and key.
    """
    try:
        text = path.read_text("utf-8-sig")  # editors of other systems put a mark in front
    except FileNotFoundError:
        return Settings()
    except UnicodeDecodeError as error:
        raise LinesightError(
            f"The settings file {path} is not text in UTF-8 ({error.reason}). Save it as UTF-8, or delete it."
        ) from error
    except OSError as error:
        raise LinesightError(
            f"The settings file {path} can't be read ({error.strerror or error}). Give this user access to it."
        ) from error
    try:
        return Settings.model_validate(tomlkit.parse(text).unwrap())
    except ValidationError as error:
        key, why = first_fault(error)
        raise LinesightError(
            f"The settings file {path} has a wrong entry {key!r}: {why}. "
            "Correct it, or delete the line for the default."
        ) from error
    except tomlkit.exceptions.TOMLKitError as error:
        raise LinesightError(
            f"The settings file {path} is not valid TOML: {error}. Correct it, or delete the file for the defaults."
        ) from error


def first_fault(error: ValidationError) -> tuple[str, str]:
    """(key, why) of the first wrong entry, in words; the value itself, which may be a password, is left out."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"]) or "settings"
    if first["type"] == "extra_forbidden":
        return key, "there is no such setting"
    return key, first["msg"].removeprefix("Value error, ")


def changed(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """The settings with changes; LinesightError naming the key of one that is wrong."""
    try:
        return Settings.model_validate(settings.model_dump() | dict(changes))
    except ValidationError as error:
        key, why = first_fault(error)
        raise LinesightError(f"{key}: {why}.") from error


def save(path: Path, settings: Settings) -> None:
    """Writes atomically with mode 600, keeping comments of an existing file.

    Raises:
        LinesightError: the file can't be written; names it, and what was there stays.
    """
    try:
        document = tomlkit.parse(path.read_text("utf-8-sig"))
    except (OSError, ValueError, tomlkit.exceptions.TOMLKitError):
        document = tomlkit.document()
    for key, value in settings.model_dump().items():
        if key not in document or document[key] != value:
            document[key] = value
    part = path.with_name(path.name + ".part")
    try:
        part.unlink(missing_ok=True)  # one a killed program left may be readable for everybody
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(tomlkit.dumps(document))
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise LinesightError(
            f"The settings can't be written to {path} ({error.strerror or error}). "
            "Free some space, or give this user write access."
        ) from error
