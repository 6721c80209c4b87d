"""The Live workspace: picture, verdict, score, counts and the last parts."""

from ui.live.page import LivePage

__all__ = ["LivePage"]
