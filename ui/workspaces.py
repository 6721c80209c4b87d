"""The pages of the window, each made when it is first asked for.

Made all at once they take seconds that a start need not wait for, and a change of theme would restyle pages that
nobody has seen.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from typing import TYPE_CHECKING, Any

from ui.live import LivePage

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from ui.alarms import AlarmsPage
    from ui.bench import BenchPage
    from ui.bridge import Bridge
    from ui.help import HelpPage
    from ui.labeling import LabelPage
    from ui.plans import PlansPage
    from ui.records import PartPage
    from ui.reports import ReportsPage
    from ui.review import ReviewPage
    from ui.setup import SetupPage
    from ui.shared.thumbs import Thumbs
    from ui.training import TrainPage


class Workspaces:
    """Makes pages by their key and keeps them. `made` is told of each new one, to show and connect it."""

    def __init__(
        self, bridge: Bridge, thumbs: Thumbs, zone: Callable[[], tzinfo], made: Callable[[str, QWidget], None]
    ) -> None:
        self._bridge = bridge
        self._thumbs = thumbs
        self._zone = zone
        self._tell = made
        self.made: dict[str, QWidget] = {}
        """The pages there are so far, by key."""

    def page(self, key: str) -> Any:
        """The page of a place of the rail, or "part"; made now if this is the first time."""
        page = self.made.get(key)
        if page is None:
            page = getattr(self, f"_make_{key}")()
            self.made[key] = page
            self._tell(key, page)
        return page

    def set_zone(self) -> None:
        """Tells the pages of the station's time zone, after it changed."""
        for page in self.made.values():
            take = getattr(page, "set_zone", None)
            if take is not None:
                take(self._zone())

    def close(self) -> None:
        """Ends the pages' timers and subscriptions."""
        for page in self.made.values():
            close = getattr(page, "close_page", None)
            if close is not None:
                close()

    def _make_live(self) -> LivePage:
        return LivePage(self._bridge, self._thumbs, self._zone())

    def _make_review(self) -> ReviewPage:
        from ui.review import ReviewPage

        return ReviewPage(self._bridge, self._zone())

    def _make_bench(self) -> BenchPage:
        from ui.bench import BenchPage

        return BenchPage(self._bridge, self._thumbs, self._zone())

    def _make_label(self) -> LabelPage:
        from ui.labeling import LabelPage

        return LabelPage(self._bridge, self._bridge.station.labelling)

    def _make_train(self) -> TrainPage:
        from ui.training import TrainPage

        return TrainPage(self._bridge, self._bridge.station.improving)

    def _make_plans(self) -> PlansPage:
        from ui.plans import PlansPage

        return PlansPage(self._bridge)

    def _make_alarms(self) -> AlarmsPage:
        from ui.alarms import AlarmsPage

        return AlarmsPage(self._bridge, self._thumbs, self._zone())

    def _make_reports(self) -> ReportsPage:
        from ui.reports import ReportsPage

        return ReportsPage(self._bridge, self._thumbs)

    def _make_setup(self) -> SetupPage:
        from ui.setup import SetupPage

        return SetupPage(self._bridge)

    def _make_help(self) -> HelpPage:
        from ui.help import HelpPage

        return HelpPage()

    def _make_part(self) -> PartPage:
        from ui.records import PartPage

        return PartPage(self._bridge)

    @property
    def live(self) -> LivePage:
        """Watching the line."""
        return self.page("live")  # type: ignore[no-any-return]

    @property
    def review(self) -> ReviewPage:
        """Judging what the station was not sure of."""
        return self.page("review")  # type: ignore[no-any-return]

    @property
    def bench(self) -> BenchPage:
        """Lots, part by part."""
        return self.page("bench")  # type: ignore[no-any-return]

    @property
    def label(self) -> LabelPage:
        """Labelling a dataset."""
        return self.page("label")  # type: ignore[no-any-return]

    @property
    def train(self) -> TrainPage:
        """Training, choosing and releasing models."""
        return self.page("train")  # type: ignore[no-any-return]

    @property
    def plans(self) -> PlansPage:
        """Plans and rounds."""
        return self.page("plans")  # type: ignore[no-any-return]

    @property
    def alarms(self) -> AlarmsPage:
        """Alarms and tickets."""
        return self.page("alarms")  # type: ignore[no-any-return]

    @property
    def reports(self) -> ReportsPage:
        """Reports, records and schedules."""
        return self.page("reports")  # type: ignore[no-any-return]

    @property
    def setup(self) -> SetupPage:
        """Setting the station up."""
        return self.page("setup")  # type: ignore[no-any-return]

    @property
    def help(self) -> HelpPage:
        """Help."""
        return self.page("help")  # type: ignore[no-any-return]

    @property
    def part(self) -> PartPage:
        """Everything about one part."""
        return self.page("part")  # type: ignore[no-any-return]
