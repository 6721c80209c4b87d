"""The Review workspace: parts that people look at again, and what their answers say."""

from ui.review.page import ReviewPage

__all__ = ["ReviewPage"]
