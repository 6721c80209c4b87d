"""The Label workspace: gallery, mask editor, checkpoints and the training set."""

from ui.labeling.page import LabelPage

__all__ = ["LabelPage"]
