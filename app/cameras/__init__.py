"""Frame sources behind one small interface: `app.cameras.base`."""

from app.cameras.base import FrameSource, SourceTraits
from app.cameras.factory import make_source, register_source
from app.cameras.slot import LatestFrameSlot
from app.cameras.usb import usb_cameras

__all__ = ["FrameSource", "LatestFrameSlot", "SourceTraits", "make_source", "register_source", "usb_cameras"]
