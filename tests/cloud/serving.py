"""moto and the media plane in a process of their own, for measurements: `python -m tests.cloud.serving`.

It says where it is in one line of JSON, then obeys one word a line: cut, down, up, told; each is answered by one line.
"""

from __future__ import annotations

import json
import sys

import boto3
from moto.kinesisvideo import models as moto_models
from moto.server import ThreadedMotoServer

from tests.cloud.media_plane import MediaPlane
from tests.cloud.signature import KEY, REGION, SECRET

STREAM = "line-1"
OUT = sys.stdout


def main() -> None:
    sys.stdout = sys.stderr  # moto says things of its own
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    with MediaPlane() as plane:
        moto_models.Stream.get_data_endpoint = lambda self, api_name: plane.url  # type: ignore[method-assign]
        video = boto3.client(
            "kinesisvideo", REGION, endpoint_url=url, aws_access_key_id=KEY, aws_secret_access_key=SECRET
        )
        video.create_stream(StreamName=STREAM, DataRetentionInHours=24)
        _say({"control": url, "media": plane.url, "region": REGION, "key": KEY, "secret": SECRET, "stream": STREAM})
        for line in sys.stdin:
            word = line.strip()
            if word == "cut":
                _say({"cut": plane.cut()})
            elif word in ("down", "up"):
                plane.faults.down = word == "down"
                if word == "down":
                    plane.cut()
                _say({})
            elif word == "told":
                stored = list(plane.stored)
                _say(
                    {
                        "timecodes": [one.timecode for one in stored],
                        "frames": [len(one.frames) for one in stored],
                        "bytes": sum(one.size for one in stored),
                        "violations": plane.violations,
                        "connections": plane.connections,
                    }
                )
    server.stop()


def _say(told: dict[str, object]) -> None:
    print(json.dumps(told), flush=True, file=OUT)


if __name__ == "__main__":
    main()
