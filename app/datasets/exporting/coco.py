"""COCO's instances files, with run lengths: they give back exactly the pixels, and may overlap."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from app.datasets.exporting.prepare import Notes, Ready
from app.datasets.runs import lengths_of, packed

_MOST = 100


class Coco:
    """`images/` and `annotations/instances.json`, or one file a split.

    Each connected area of a type is an annotation; where there are more than 100, all of them are one. What COCO has
    no place for stands in entries of the pictures' own: `label` (normal, anomaly, null), `types` and `labelled_at`;
    other programs pass over them.
    """

    sizes = True

    def __init__(self, folder: Path, notes: Notes, *, splits: bool) -> None:
        self._folder, self._notes, self._splits = folder, notes, splits
        self._categories: dict[str, int] = {}
        self._images: dict[str, list[dict[str, Any]]] = {}
        self._annotations: dict[str, list[dict[str, Any]]] = {}
        self._next_image = self._next_annotation = 1
        (folder / "images").mkdir()
        (folder / "annotations").mkdir()

    def add(self, ready: Ready) -> bool:
        assert ready.size is not None
        record, (width, height) = ready.record, ready.size
        (self._folder / "images" / ready.file).write_bytes(ready.data)
        part = f"_{record.split or 'unassigned'}" if self._splits else ""
        number = self._next_image
        self._next_image += 1
        entry = {
            "id": number,
            "file_name": ready.file,
            "width": width,
            "height": height,
            "label": record.label,
            "types": list(ready.types),
        }
        if record.added_at:
            entry["labelled_at"] = record.added_at.isoformat()
        self._images.setdefault(part, []).append(entry)
        for kind, area in ready.masks.items():
            category = self._categories.setdefault(kind, len(self._categories) + 1)
            count, places, boxes, _ = cv2.connectedComponentsWithStats(area.astype(np.uint8), connectivity=8)
            if count > _MOST:
                x, y, across, down = cv2.boundingRect(area.astype(np.uint8))
                places, count = area.astype(np.int32), 2
                boxes = np.array([[0] * 5, [x, y, across, down, int(area.sum())]])
            for index in range(1, count):
                left, top, across, down, size = (int(value) for value in boxes[index])
                runs = packed(lengths_of(places == index))
                self._annotations.setdefault(part, []).append(
                    {
                        "id": self._next_annotation,
                        "image_id": number,
                        "category_id": category,
                        "iscrowd": 0,
                        "bbox": [left, top, across, down],
                        "area": size,
                        "segmentation": {"size": [height, width], "counts": runs},
                    }
                )
                self._next_annotation += 1
        for kind in ready.types:
            self._categories.setdefault(kind, len(self._categories) + 1)
        return True

    def finish(self) -> list[str]:
        """Writes the instances files; their paths within the export."""
        categories = [
            {"id": number, "name": kind, "supercategory": "defect"} for kind, number in self._categories.items()
        ]
        names = []
        for part, images in sorted(self._images.items()):
            content = {
                "info": {"description": "exported by Linesight"},
                "images": images,
                "annotations": self._annotations.get(part, []),
                "categories": categories,
            }
            names.append(f"annotations/instances{part}.json")
            (self._folder / names[-1]).write_bytes(json.dumps(content, ensure_ascii=False).encode("utf-8", "replace"))
        return names
