"""Network cameras over RTSP, decoded by PyAV."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import NoReturn
from urllib.parse import SplitResult, urlsplit

import av
import av.error
from av.container import InputContainer

from app.cameras.background import BackgroundSource
from app.cameras.facts import Facts
from app.cameras.video import to_bgr
from app.domain.addresses import without_credentials
from app.domain.errors import SourceError
from app.domain.frame import Image

_PORTS = {"rtsp": 554, "rtsps": 322, "rtspu": 554}
_DAMAGED_IN_A_ROW = 200


class RtspCamera(BackgroundSource):
    """A network camera.

    Args:
        url: rtsp:// or rtsps:// over TCP, rtspu:// over UDP, with user and password where the camera wants them; they
            reach the camera and nothing else (no log, no error text, no record). H.264, H.265, MJPEG.
        timeout: seconds after which a camera that does not answer, or sends nothing, counts as lost.

    Raises:
        SourceError: the address is not an RTSP address.
    """

    def __init__(self, url: str, *, timeout: float = 5.0) -> None:
        self._address = without_credentials(url)
        # GStreamer's and VLC's way to write the transport; FFmpeg takes it as an option.
        self._udp = url.lower().startswith("rtspu:")
        self._url = "rtsp:" + url.partition(":")[2] if self._udp else url
        self._host, self._port = _host_and_port(url, self._address)
        self._timeout = timeout
        self.facts: Facts = {}
        """What the stream said of itself when it was last opened."""
        # Connecting is two waits: for the network, then for the camera's answers.
        super().__init__(self._address, self._connect, open_timeout=2 * timeout, read_timeout=timeout)

    # From here on in the background thread. FFmpeg's own messages may hold the whole address: no
    # text of an av error gets out, and no error is chained to one ("from None").

    def _connect(self) -> _RtspDevice:
        self._reach()
        options = {
            # UDP loses packets, and a torn picture is judged as a part: only where it is asked for.
            "rtsp_transport": "udp" if self._udp else "tcp",
            "fflags": "nobuffer",
            "flags": "low_delay",
            "analyzeduration": "500000",
            "timeout": str(int(self._timeout * 1e6)),  # of each socket call, microseconds
        }
        began = time.monotonic()
        try:
            container = av.open(self._url, "r", options=options, timeout=(self._timeout, self._timeout))
        except (av.error.FFmpegError, OSError) as error:
            self._refused(error, late=time.monotonic() - began > 0.9 * self._timeout)
        if not container.streams.video:
            container.close()
            raise SourceError(f"{self._address} sends no pictures (sound only): check the camera's stream address.")
        stream = container.streams.video[0]
        rate = stream.average_rate
        self.facts = {"width": stream.width, "height": stream.height, "codec": stream.codec_context.name}
        if rate:
            self.facts["fps"] = round(float(rate), 3)
        return _RtspDevice(self._address, container)

    def _reach(self) -> None:
        """Finds out in plain sockets what FFmpeg would call an input/output error."""
        try:
            with socket.create_connection((self._host, self._port), self._timeout):
                return
        except (socket.gaierror, UnicodeError):
            raise SourceError(
                f"{self._address} can't be found: nothing is called {self._host}. Check the address and the network."
            ) from None
        except ConnectionRefusedError:
            raise SourceError(
                f"{self._address} refuses the connection: nothing serves RTSP at port {self._port} of {self._host}. "
                "Check the port and that RTSP is switched on in the camera."
            ) from None
        except TimeoutError:
            raise SourceError(
                f"{self._address} does not answer within {self._timeout:g} s. "
                "Check that the camera has power and is on the same network."
            ) from None
        except OSError as error:
            raise SourceError(
                f"{self._address} can't be reached ({error.strerror or 'network error'}). "
                "Check the address, the network cable and the network settings."
            ) from None

    def _refused(self, error: Exception, late: bool) -> NoReturn:
        if isinstance(error, av.error.HTTPUnauthorizedError):
            words = "asks for a user name and password, or refuses these (401). Write rtsp://USER:PASSWORD@HOST/PATH."
        elif isinstance(error, av.error.HTTPForbiddenError):
            words = "forbids this user to see the stream (403). Give the user the right in the camera's settings."
        elif isinstance(error, av.error.HTTPNotFoundError):
            words = "has no such stream (404). Look up the stream's path in the camera's manual."
        elif isinstance(error, av.error.HTTPClientError | av.error.HTTPServerError):
            words = "refuses the stream. Check the path, and whether too many viewers are connected."
        elif late or isinstance(error, TimeoutError):  # however FFmpeg calls what its time ran out in
            words = f"was reached but does not answer within {self._timeout:g} s. Start the camera anew."
        elif isinstance(error, av.error.InvalidDataError):
            words = "answers, but not with video this station can read. Choose H.264, H.265 or MJPEG in the camera."
        else:
            words = "answers, but the stream can't be opened. Check that address and port are those of RTSP."
        raise SourceError(f"{self._address} {words}") from None


def _host_and_port(url: str, shown: str) -> tuple[str, int]:
    try:
        parts: SplitResult = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or url.count("://") != 1:
        raise SourceError(
            f"{shown} is not an RTSP address. It looks like rtsp://HOST/PATH or rtsp://USER:PASSWORD@HOST:554/PATH; "
            "write / ? # @ in a password as %2F %3F %23 %40."
        )
    return host, port or _PORTS[parts.scheme.lower()]


class _RtspDevice:
    """A running stream; see `app.cameras.background.Device`."""

    def __init__(self, address: str, container: InputContainer) -> None:
        self._address = address
        self._container = container
        self._stream = container.streams.video[0]
        # Frame threads would hold back one picture each.
        self._stream.thread_type = "SLICE"
        self._packets = container.demux(self._stream)
        self._decoded: Iterator[av.VideoFrame] = iter(())

    def grab(self) -> Image:
        damaged = 0
        while True:
            picture = next(self._decoded, None)
            if picture is not None:
                return to_bgr(picture)
            try:
                self._decoded = iter(next(self._packets).decode())
            except av.error.InvalidDataError:  # until the next key frame, or after a lost packet
                damaged += 1
                if damaged > _DAMAGED_IN_A_ROW:
                    self._lost("sends only damaged pictures")
            except (StopIteration, av.error.EOFError):
                self._lost("has ended the stream")
            except (av.error.FFmpegError, OSError):
                self._lost("has stopped sending")

    def _lost(self, what: str) -> NoReturn:
        raise SourceError(
            f"{self._address} {what}. Check the camera's power and network; it is tried again by itself."
        ) from None

    def release(self) -> None:
        self._container.close()
