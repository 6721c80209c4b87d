"""Linesight without its screen: everything here runs and is tested without a display."""

import os
import sys

__version__ = "0.1.0"

# A station sends nothing anywhere unasked. `import openvino` reports itself to Google Analytics
# through the package openvino_telemetry unless that can't be imported; there is no switch for it,
# and OpenVINO's own opt-out command reports the opt-out. The locks leave the package out; this
# line keeps it out where somebody installed it by other means.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]

# Read by OpenCV once, when it is first imported: it refuses decompression bombs with an error of its
# own, and leaves it to the error texts here to say what is wrong with a file.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(1 << 29))
os.environ.setdefault("OPENCV_LOG_LEVEL", "FATAL")

# Read by NumPy's OpenBLAS when it is first imported. Its threads wait for each other by spinning: training beside a
# live camera took up to twenty times as long with two threads as with one, and on an idle machine no less.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
