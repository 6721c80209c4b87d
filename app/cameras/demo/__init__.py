"""The demo line: machined parts drawn by the program, as if a camera looked at a conveyor."""

from app.cameras.demo.plan import DefectKind, PartTruth, truth_of
from app.cameras.demo.scene import draw_part, training_parts
from app.cameras.demo.source import DemoLine

__all__ = ["DefectKind", "DemoLine", "PartTruth", "draw_part", "training_parts", "truth_of"]
