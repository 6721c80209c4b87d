"""Where everything this program keeps lies: one data folder, moved as a whole by --data-dir."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from app.domain.errors import LinesightError

ENVIRONMENT = "LINESIGHT_DATA_DIR"
RESOURCES = Path(__file__).resolve().parent.parent / "resources"


@dataclass(frozen=True, slots=True)
class DataFolder:
    """The layout of one station's data folder."""

    root: Path

    @property
    def database(self) -> Path:
        return self.root / "linesight.db"

    @property
    def images(self) -> Path:
        return self.root / "images"

    @property
    def clips(self) -> Path:
        return self.root / "clips"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def libraries(self) -> Path:
        return self.root / "libraries"

    @property
    def trainings(self) -> Path:
        return self.root / "trainings"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def outputs(self) -> Path:
        return self.root / "outputs"

    @property
    def recipes(self) -> Path:
        return self.root / "recipes"

    @property
    def places(self) -> Path:
        return self.root / "places"

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def fleet(self) -> Path:
        return self.cache / "fleet"

    @property
    def settings(self) -> Path:
        return self.root / "settings.toml"

    @property
    def alarm_rules(self) -> Path:
        return self.root / "alarms.toml"

    @property
    def challenges(self) -> Path:
        return self.root / "challenges.json"

    @property
    def references(self) -> Path:
        return self.root / "references"

    @property
    def gauges(self) -> Path:
        return self.root / "gauges"

    def prepare(self) -> DataFolder:
        """Makes the folders; raises LinesightError naming the folder when it can't be written."""
        try:
            for folder in (self.root, self.images, self.models, self.libraries, self.reports, self.logs, self.cache):
                folder.mkdir(parents=True, exist_ok=True)
            probe = self.root / ".write-test"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise LinesightError(
                f"The data folder {self.root} can't be written ({error.strerror or error}). "
                f"Give this user write access, or choose another folder with --data-dir or {ENVIRONMENT}."
            ) from error
        return self


def data_folder(chosen: str | Path | None = None) -> DataFolder:
    """--data-dir, else the environment variable, else the platform's place for a user's data."""
    place = chosen or os.environ.get(ENVIRONMENT) or platformdirs.user_data_path("linesight", appauthor=False)
    return DataFolder(Path(place).expanduser().absolute())
