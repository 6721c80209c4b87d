"""A real RTSP server for the tests, run by the system's Python with GStreamer's bindings.

Usage: /usr/bin/python3 rtsp_server.py [PORT]. Serves rtsp://127.0.0.1:PORT/cam to anyone and, at a
second port, /cam to operator/s3cret-word only; 320 x 240 at 15 frames a second in H.264, and as /cam265
in H.265 where GStreamer has an encoder for it. Prints "PORTS open locked [h265]" when it listens.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402 - versions come first

PIPELINE = (
    "( videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=15/1 "
    "! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=5 "
    "! rtph264pay name=pay0 pt=96 config-interval=1 )"
)
PIPELINE_265 = (
    "( videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=15/1 "
    "! x265enc tune=zerolatency speed-preset=ultrafast key-int-max=5 "
    "! rtph265pay name=pay0 pt=96 config-interval=1 )"
)


def media(pipeline):
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(pipeline)
    factory.set_shared(True)
    return factory


def serve(port, password):
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = media(PIPELINE)
    if password:
        auth = GstRtspServer.RTSPAuth()
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "operator")
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic("operator", password), token)
        server.set_auth(auth)
        role = "operator, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
        factory.add_role_from_structure(Gst.Structure.new_from_string(role))
    server.get_mount_points().add_factory("/cam", factory)
    if h265():
        server.get_mount_points().add_factory("/cam265", media(PIPELINE_265))
    server.attach(None)
    return server


def h265():
    return all(Gst.ElementFactory.find(name) for name in ("x265enc", "rtph265pay"))


def main(port):
    Gst.init(None)
    servers = [serve(port, None), serve("0", "s3cret-word")]
    print("PORTS", *(server.get_bound_port() for server in servers), *(["h265"] if h265() else []), flush=True)
    GLib.MainLoop().run()


main(sys.argv[1] if len(sys.argv) > 1 else "0")
