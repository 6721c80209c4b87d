"""`lookout-server`: the Lookout-compatible API on this computer."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.output import Output
from app.domain.errors import LinesightError

if TYPE_CHECKING:  # the parser takes `options` from here
    from app.cli.parser import Arguments

_WRONG_USAGE = 2


def options(parser: argparse.ArgumentParser) -> None:
    """Adds the command's own."""
    parser.add_argument("--port", type=_port, required=True, metavar="N", help="to listen on; 0: any free one")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--s3-root", type=Path, metavar="DIR", help="s3://BUCKET/KEY is the file DIR/BUCKET/KEY")
    place.add_argument("--s3-endpoint", type=_url, metavar="URL", help="a server that speaks S3's protocol")
    parser.add_argument("--access-key", metavar="ID", help="requests must be signed with this key")
    parser.add_argument("--secret-file", type=Path, metavar="F", help="holds the key's secret in its first line")


def command(options: Arguments, output: Output) -> int:
    from app.logs import configure
    from app.paths import data_folder
    from app.serverless.buckets import Buckets, FolderBuckets, S3Buckets
    from app.serverless.lookout.sigv4 import Verifier
    from app.serverless.server import Service, is_loopback, serve

    verifier = None
    if (options.access_key is None) != (options.secret_file is None):
        return _refused(output, "--access-key and --secret-file belong together: give both or none.")
    if options.access_key is not None and options.secret_file is not None:
        verifier = Verifier(options.access_key, _secret(options.secret_file))
    elif not is_loopback(options.host):
        words = f"Without a key everybody who reaches {options.host} could use the server and what it reads."
        return _refused(output, f"{words} Give --access-key and --secret-file, or listen on 127.0.0.1.")
    buckets: Buckets
    if options.s3_root is not None:
        if not options.s3_root.is_dir():
            raise LinesightError(f"The folder of buckets {options.s3_root} does not exist. Make it, or name another.")
        buckets = FolderBuckets(options.s3_root.absolute())
    else:
        buckets = S3Buckets(options.s3_endpoint)
    data = data_folder(options.data_dir).prepare()
    configure(data.logs)
    service = Service(data.root / "lookout", buckets, verifier)

    def ready(url: str) -> None:
        output.result({"url": url}, f"listening on {url}")

    serve(service, options.host, options.port, open_to_all=verifier is None, ready=ready)
    return 0


def _refused(output: Output, words: str) -> int:
    output.failed(words)
    return _WRONG_USAGE


def _secret(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LinesightError(f"The secret can't be read from {path} ({error}).") from error
    if not lines or not lines[0].strip():
        raise LinesightError(f"{path} holds no secret: its first line is empty.")
    return lines[0].strip()


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} must be a port, 0 to 65535")
    return int(text)


def _url(text: str) -> str:
    if not re.fullmatch(r"https?://[^/\s@]+/?", text):
        raise argparse.ArgumentTypeError(f"{text!r} must be the address of a server, such as http://127.0.0.1:9000")
    return text
