"""The desk of second opinions: whether parts are judged here, in the cloud, or by both."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from app.alarms import AlarmBook
from app.cloud.judging import Asker, Compared, SecondJudge
from app.cloud.lookout import CloudDetector, CloudModel
from app.cloud.sagemaker import EndpointKeeper, EndpointPlan, EndpointState, SageMakerDetector, started
from app.cloud.session import CloudSession
from app.domain.errors import LinesightError
from app.domain.person import Action
from app.inspection.recorder import DetectorPort
from app.jobs import Job, Jobs
from app.paths import DataFolder
from app.people import PeopleDesk
from app.settings import Settings

log = logging.getLogger(__name__)


class Host(Protocol):
    """What the desk needs of its station."""

    data: DataFolder
    jobs: Jobs
    people: PeopleDesk
    alarms: AlarmBook

    @property
    def settings(self) -> Settings: ...


class OpinionDesk:
    """Any thread. Without the setting nothing is asked and nothing of AWS imported.

    Args:
        session: the way to AWS as the settings have it now.
    """

    def __init__(self, host: Host, session: Callable[[], CloudSession]) -> None:
        self._host, self._session = host, session
        self._lock = threading.Lock()
        self._asker: Asker | None = None
        self._keepers: dict[str, EndpointKeeper] = {}  # of endpoints, by name
        self._endpoint = ""
        for name in started(self._folder):  # a station that ended left them, and they cost
            # Without its model: what is gone meanwhile is not started again before a line asks.
            self._keep(replace(_plan(host.settings, name), model=""))

    def compared(self) -> Compared | None:
        """How the local model and the cloud's have agreed since the line started; None where only one is asked."""
        asker = self._asker
        return None if asker is None else asker.compared()

    def endpoint(self) -> EndpointState | None:
        """How the endpoint of SageMaker stands and what it costs: one that this station started and that still costs,
        else the one the line asks or the settings name; None where this station knows none."""
        keeper = self._meant()
        return None if keeper is None else keeper.state()

    def _meant(self) -> EndpointKeeper | None:
        """What costs comes before what is only named: the settings may name another one meanwhile."""
        with self._lock:
            keepers = dict(self._keepers)
        named = [keepers.pop(each, None) for each in (self._endpoint, _endpoint_of(self._host.settings))]
        known = [each for each in (*named, *keepers.values()) if each is not None]
        return next((each for each in known if each.state().since is not None), next(iter(known), None))

    def start_endpoint(self) -> Job[EndpointState]:
        """Starts the endpoint of the settings where there is none; it costs from then on. The job fails with
        CloudError; LinesightError at once where the settings name no endpoint or no model of SageMaker."""
        self._host.people.require(Action.SETTINGS)
        settings = self._host.settings
        name = _endpoint_of(settings)
        if not name or not settings.sagemaker_model:
            raise LinesightError("Name the endpoint and the SageMaker model it is started with, and save them.")

        def work(job: Job[EndpointState]) -> EndpointState:
            job.step(None, f"Starting the endpoint {name}")
            keeper = self._keep(_plan(settings, name))
            keeper.start()
            self._host.people.note(Action.SETTINGS, f"endpoint {name}", "started")
            return keeper.look()

        return self._host.jobs.start(f"Start the endpoint {name}", work)

    def stop_endpoint(self) -> Job[EndpointState]:
        """Deletes the endpoint that this station started, so that it costs no more; the local verdict stands then. The
        job fails with CloudError; LinesightError at once where there is none."""
        self._host.people.require(Action.SETTINGS)
        keeper = self._meant()
        if keeper is None:
            raise LinesightError("This station has started no endpoint.")
        name = keeper.plan.name

        def work(job: Job[EndpointState]) -> EndpointState:
            job.step(None, f"Deleting the endpoint {name}")
            state = keeper.stop()
            self._host.people.note(Action.SETTINGS, f"endpoint {name}", "stopped")
            return state

        return self._host.jobs.start(f"Stop the endpoint {name}", work)

    def behind(self, local: Any, address: str, is_part: Callable[[], bool]) -> Any:
        """The detector of a line that starts: the local one, or with the cloud's beside it as the settings say now.

        Args:
            address: of the line's source, for alarms.
            is_part: whether what is judged now will be on record.
        """
        settings = self._host.settings
        self._ask_no_more()
        if settings.judge == "local" or not settings.cloud_model:
            return local
        asker = Asker(self._elsewhere(settings), settings.cloud_patience)
        with self._lock:
            self._asker = asker

        def disagreed(words: str) -> None:
            self._host.jobs.start(
                "Disagreement",
                lambda job: self._host.alarms.raise_alarm(
                    "disagreement", address, f"{settings.cloud_model} disagrees", words
                ),
            )

        return SecondJudge(local, asker, decides=settings.judge == "cloud", is_part=is_part, disagreed=disagreed)

    def _elsewhere(self, settings: Settings) -> DetectorPort:
        kind, _, name = settings.cloud_model.partition(":")
        if kind != "sagemaker":
            project, _, version = settings.cloud_model.partition("@")
            return CloudDetector(self._session(), CloudModel(project, version or "1", settings.cloud_model_endpoint))
        keeper = self._keep(_plan(settings, name))
        self._endpoint = name
        return SageMakerDetector(self._session(), name, used=keeper.used, missed=keeper.want)

    def _keep(self, plan: EndpointPlan) -> EndpointKeeper:
        """Starts an endpoint where there is none, and watches over it until this station ends, whoever judges then."""
        with self._lock:
            known = self._keepers.get(plan.name)
            if known is not None and known.plan == plan:
                known.again()
                return known
            file = self._folder / f"{plan.name}.json"
            if known is not None:
                known.end()
            keeper = EndpointKeeper(
                self._client, plan, file, on_stop=lambda words: log.info("%s: %s", plan.name, words)
            )
            self._keepers[plan.name] = keeper
        keeper.begin()
        return keeper

    def _client(self) -> Any:
        return self._session().client("sagemaker")

    @property
    def _folder(self) -> Path:
        return self._host.data.root / "endpoints"

    def close(self) -> None:
        """Asks nothing more. An endpoint that was started stays; the next start watches over it again."""
        self._ask_no_more()
        with self._lock:
            keepers = list(self._keepers.values())
            self._keepers = {}
        for keeper in keepers:
            keeper.end()

    def _ask_no_more(self) -> None:
        with self._lock:
            asker, self._asker, self._endpoint = self._asker, None, ""
        if asker is not None:
            asker.end()


def _endpoint_of(settings: Settings) -> str:
    """The endpoint's name in the settings, "" where another service or none is named."""
    kind, _, name = settings.cloud_model.partition(":")
    return name if kind == "sagemaker" else ""


def _plan(settings: Settings, name: str) -> EndpointPlan:
    return EndpointPlan(
        name,
        settings.sagemaker_model,
        settings.sagemaker_instance,
        settings.sagemaker_price,
        settings.sagemaker_idle_minutes,
    )
