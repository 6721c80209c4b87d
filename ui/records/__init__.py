"""The records on the screen: searching them, and all that is known of one part."""

from ui.records.detail import PartPage
from ui.records.view import RecordsView

__all__ = ["PartPage", "RecordsView"]
