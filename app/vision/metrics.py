"""Measures of a detector, from raw scores and heat maps.

AUPRO after Bergmann et al. 2019 (MVTec AD): the per-region overlap, averaged over the regions, against
the false-positive rate, up to a rate of 0.3 and normalised to 1. Pixel measures run over histograms of
the maps' values, so that any number of pictures fits in memory; 4,096 bins between the lowest and the
highest value bound the error of an area to about 1e-3.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.floating]
BINS = 4096
PRO_LIMIT = 0.3
ALL = "anomaly"
"""What all types together are called, and defects without a type."""


def auroc(normal: Scores, anomalous: Scores) -> float | None:
    """Area under the ROC curve: the probability that an anomalous score exceeds a normal one, ties
    counting half (Mann & Whitney 1947). None where either group is empty."""
    if not len(normal) or not len(anomalous):
        return None
    values = np.concatenate([normal, anomalous])
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    number = len(anomalous)
    return float((ranks[len(normal) :].sum() - number * (number + 1) / 2) / (len(normal) * number))


def average_precision(normal: Scores, anomalous: Scores) -> float | None:
    """Sum of precision times the step in recall over falling thresholds; equal scores are one step."""
    if not len(normal) or not len(anomalous):
        return None
    values = np.concatenate([normal, anomalous])
    truth = np.concatenate([np.zeros(len(normal)), np.ones(len(anomalous))])
    order = np.argsort(-values, kind="stable")
    values, truth = values[order], truth[order]
    last_of_ties = np.append(np.flatnonzero(np.diff(values)), len(values) - 1)
    hits = np.cumsum(truth)[last_of_ties]
    precision = hits / (last_of_ties + 1)
    return float(np.sum(np.diff(hits, prepend=0) / len(anomalous) * precision))


class PixelMeasures:
    """Collects maps and masks of a test set; gives pixel AUROC, AUPRO and IoU.

    Args:
        low, high: the lowest and highest map value of the whole set.
        threshold: a pixel at or above it is predicted defect (for IoU).
    """

    def __init__(self, low: float, high: float, threshold: float) -> None:
        self._low, self._scale = low, BINS / max(high - low, 1e-12)
        self._threshold = threshold
        self._good = np.zeros(BINS, np.int64)
        self._bad = np.zeros(BINS, np.int64)
        self._overlap = np.zeros(BINS, np.float64)
        self._regions = 0
        self._overlaps: dict[str, list[tuple[int, int]]] = {}

    def add(self, heat: NDArray[np.float32], masks: dict[str, NDArray[np.bool_]]) -> None:
        """One picture: its map at picture size (H, W) float32 and its defects by type (H, W) bool
        (none for a good part)."""
        bins = np.clip((heat - self._low) * self._scale, 0, BINS - 1).astype(np.int32)
        truth = np.zeros(heat.shape, bool)
        predicted = heat >= self._threshold
        for kind, area in masks.items():
            truth |= area
            if kind != ALL and area.any():
                self._count(kind, predicted, area)
        self._count(ALL, predicted, truth)
        self._good += np.bincount(bins[~truth], minlength=BINS)
        inside = bins[truth]
        self._bad += np.bincount(inside, minlength=BINS)
        if len(inside):
            number, labels = cv2.connectedComponents(truth.astype(np.uint8), connectivity=8)
            region = labels[truth]
            # Every region weighs 1, whatever its size: each of its pixels one part of it.
            share = 1.0 / np.maximum(np.bincount(region, minlength=number), 1)
            self._overlap += np.bincount(inside, weights=share[region], minlength=BINS)
            self._regions += number - 1

    def _count(self, kind: str, predicted: NDArray[np.bool_], truth: NDArray[np.bool_]) -> None:
        both, either = int(np.count_nonzero(predicted & truth)), int(np.count_nonzero(predicted | truth))
        self._overlaps.setdefault(kind, []).append((both, either))

    def pixel_auroc(self) -> float | None:
        """None without defect pixels or without good ones."""
        if not self._good.sum() or not self._bad.sum():
            return None
        false, true = self._rates()
        return float(np.trapezoid(true, false))

    def aupro(self) -> float | None:
        if not self._regions or not self._good.sum():
            return None
        false, _ = self._rates()
        overlap = np.concatenate([[0.0], np.cumsum(self._overlap[::-1]) / self._regions])
        end = float(np.interp(PRO_LIMIT, false, overlap))
        inside = false < PRO_LIMIT
        x = np.append(false[inside], PRO_LIMIT)
        y = np.append(overlap[inside], end)
        return float(np.trapezoid(y, x) / PRO_LIMIT)

    def iou(self) -> dict[str, float]:
        """Intersection over union at the threshold: by type over the pictures that show the type (the
        whole prediction against the type's pixels), and "anomaly" for all types over all pictures."""
        sums = {kind: [sum(column) for column in zip(*each, strict=True)] for kind, each in self._overlaps.items()}
        return {kind: both / either for kind, (both, either) in sums.items() if either}

    def overlaps(self) -> dict[str, tuple[tuple[int, int], ...]]:
        """What `iou` sums up: (pixels in both, pixels in either) of each picture that counts, by type."""
        return {kind: tuple(each) for kind, each in self._overlaps.items()}

    def _rates(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """False- and true-positive rates over falling thresholds, from (0, 0) to (1, 1)."""
        false = np.concatenate([[0.0], np.cumsum(self._good[::-1]) / max(1, self._good.sum())])
        true = np.concatenate([[0.0], np.cumsum(self._bad[::-1]) / max(1, self._bad.sum())])
        return false, true
