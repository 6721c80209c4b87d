"""The desk of the connection to AWS: what is switched on, whether the account allows it, and the policy that would."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.cloud import keys
from app.cloud.checking import Finding, Identity, Works, check, identify
from app.cloud.parcels import name_of
from app.cloud.policy import Wishes, needs, policy
from app.cloud.session import CloudSession
from app.domain.notice import Recipient
from app.domain.person import Action
from app.jobs import Job, Jobs
from app.people import PeopleDesk
from app.settings import Settings

_KINESIS = "kvs:"


class Host(Protocol):
    """What the desk needs of its station."""

    jobs: Jobs
    people: PeopleDesk

    @property
    def settings(self) -> Settings: ...


@dataclass(frozen=True, slots=True)
class Checked:
    """How the connection stands."""

    identity: Identity
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether all that could be tried works."""
        return all(each.works in (Works.YES, Works.UNTRIED) for each in self.findings)


def wishes_of(settings: Settings, recipients: Iterable[Recipient]) -> Wishes:
    """What the settings and the list of who is told switch on."""
    told = [each.options.get("topic", "") for each in recipients if each.channel == "sns" and each.on]
    kind, _, name = settings.cloud_model.partition(":")
    judged = settings.cloud_model if settings.judge != "local" else ""
    on_sagemaker = bool(judged) and kind == "sagemaker"
    return Wishes(
        region=settings.aws_region,
        stream=settings.video_stream,
        images=settings.video_images,
        clips=settings.video_clips and bool(settings.video_stream),
        watched=settings.source.removeprefix(_KINESIS) if settings.source.startswith(_KINESIS) else "",
        topics=tuple(each for each in (settings.cloud_topic, *told) if each),
        shared=bool(settings.cloud_topic),
        queue=settings.cloud_queue,
        outbox=settings.cloud_bucket,
        station=name_of(settings.station) if settings.cloud_bucket else "",
        models=settings.cloud_models,
        train_queue=settings.cloud_train_queue,
        fleet_bucket=settings.fleet_bucket,
        database=settings.fleet_database,
        workgroup=settings.fleet_workgroup,
        endpoint=name if on_sagemaker else "",
        starts_endpoint=on_sagemaker and bool(settings.sagemaker_model),
        lookout="" if on_sagemaker else judged,
    )


def policy_text(wishes: Wishes, account: str = "") -> str:
    """The policy as JSON, ready to be put into the account; "*" stands for an account that is not known."""
    known = account or next((topic.split(":")[4] for topic in wishes.topics if topic.count(":") >= 5), "")
    return json.dumps(policy(needs(wishes), region=wishes.region, account=known), indent=2)


class ConnectDesk:
    """Any thread; what is slow is a Job. Asks AWS only when somebody checks."""

    def __init__(self, host: Host, recipients: Callable[[], Sequence[Recipient]]) -> None:
        self._host, self._recipients = host, recipients

    def wishes(self) -> Wishes:
        """What is switched on."""
        return wishes_of(self._host.settings, self._recipients())

    def policy(self, account: str = "") -> str:
        """The least policy for it, as JSON."""
        return policy_text(self.wishes(), account)

    def check(self) -> Job[Checked]:
        """Tries all that is switched on. The job fails where AWS can't be reached or does not know who asks."""
        settings, wishes = self._host.settings, self.wishes()

        def work(job: Job[Checked]) -> Checked:
            session = CloudSession(settings.account())  # a new one: keys may have changed since the last
            job.step(None, "Asking AWS who this station is")
            identity = identify(session)
            return Checked(identity, tuple(check(session, wishes, job.step)))

        return self._host.jobs.start("Checking the connection to AWS", work)

    def keep_key(self, key_id: str, secret: str) -> None:
        """Slow: puts an access key's secret into the keyring.

        Raises:
            NotAllowed: whoever is signed in may not change settings.
            LinesightError: there is no keyring that can be used.
        """
        self._host.people.require(Action.SETTINGS)
        keys.keep(key_id, secret)
