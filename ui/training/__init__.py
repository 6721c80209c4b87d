"""The Train workspace: from a folder of good pictures to a model, in five steps."""

from ui.training.page import TrainPage

__all__ = ["TrainPage"]
