"""The desk of second opinions: whether parts are judged here, in the cloud, or by both."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

from app.alarms import AlarmBook
from app.cloud.judging import Asker, Compared, SecondJudge
from app.cloud.lookout import CloudDetector, CloudModel
from app.cloud.session import CloudSession
from app.jobs import Jobs
from app.settings import Settings


class Host(Protocol):
    """What the desk needs of its station."""

    jobs: Jobs
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

    def compared(self) -> Compared | None:
        """How the local model and the cloud's have agreed since the line started; None where only one is asked."""
        asker = self._asker
        return None if asker is None else asker.compared()

    def behind(self, local: Any, address: str, is_part: Callable[[], bool]) -> Any:
        """The detector of a line that starts: the local one, or with the cloud's beside it as the settings say now.

        Args:
            address: of the line's source, for alarms.
            is_part: whether what is judged now will be on record.
        """
        settings = self._host.settings
        self.close()
        if settings.judge == "local" or not settings.cloud_model:
            return local
        project, _, version = settings.cloud_model.partition("@")
        model = CloudModel(project, version or "1", settings.cloud_model_endpoint)
        asker = Asker(CloudDetector(self._session(), model), settings.cloud_patience)
        with self._lock:
            self._asker = asker

        def disagreed(words: str) -> None:
            self._host.jobs.start(
                "Disagreement",
                lambda job: self._host.alarms.raise_alarm("disagreement", address, f"{model} disagrees", words),
            )

        return SecondJudge(local, asker, decides=settings.judge == "cloud", is_part=is_part, disagreed=disagreed)

    def close(self) -> None:
        """Asks nothing more."""
        with self._lock:
            asker, self._asker = self._asker, None
        if asker is not None:
            asker.end()
