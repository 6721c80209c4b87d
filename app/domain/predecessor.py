"""Versions that another service trained and kept, to compare one's own with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Predecessor:
    """What is left of a version that another service trained.

    Attributes:
        service: its name, "Lookout for Vision".
        number: of the version there.
        trained_at: as the service wrote it, "" where it did not.
        training_images, testing_images: None where it did not say.
        metrics: (name, value) as the service named them.
    """

    product: str
    service: str
    number: int
    trained_at: str = ""
    training_images: int | None = None
    testing_images: int | None = None
    metrics: tuple[tuple[str, float], ...] = ()

    @property
    def words(self) -> str:
        """Its figures in a line."""
        figures = ", ".join(f"{name} {value:.3f}" for name, value in self.metrics) or "no figures"
        tested = f" on {self.testing_images:,} pictures" if self.testing_images else ""
        return f"{figures}{tested}"
