"""`cloud`: what the connection to AWS can do, the policy it needs, and the access key in the keyring."""

from __future__ import annotations

import argparse
import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.output import Output

if TYPE_CHECKING:  # the parser takes `options` from here
    from app.cli.parser import Arguments
    from app.cloud.session import CloudSession

_CHECK = (
    "tries what the settings switch on, and says which permission is missing. "
    "Exit codes: 0 all that could be tried works; 1 something does not, or AWS can't be reached; 2 wrong usage."
)


def options(parser: argparse.ArgumentParser) -> None:
    """Adds the command's own."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("check", help="tries what the settings switch on", description=_CHECK)
    words = "prints the least IAM policy for what the settings switch on"
    policy = actions.add_parser("policy", help=words, description=words)
    policy.add_argument("--account", default="", metavar="ID", help="12 digits, for the resources' names (default: *)")
    words = "keeps the secret of an access key in the system's keyring, or takes it out"
    key = actions.add_parser("key", help=words, description=f"{words}. The secret is asked for, or read from a pipe.")
    key.add_argument("what", choices=("set", "forget"))
    key.add_argument("key_id", nargs="?", default="", metavar="KEY_ID", help="default: the settings' aws_key_id")
    words = "copies a labelled set to a bucket, as a Lookout for Vision manifest with its pictures and masks"
    send = actions.add_parser("upload", help=words, description=f"{words}. What is there already is not sent again.")
    send.add_argument("dataset", type=Path, metavar="DATASET", help="what `dataset check` takes")
    send.add_argument("place", metavar="s3://BUCKET/FOLDER")
    words = "copies what lies in a bucket, and what its manifests name elsewhere, as DIR/BUCKET/KEY"
    more = "Then `dataset lookout DIR --out DIR` takes over the projects. What is here already is not fetched again."
    fetch = actions.add_parser("download", help=words, description=f"{words}. {more}")
    fetch.add_argument("place", metavar="s3://BUCKET/FOLDER")
    fetch.add_argument("--out", type=Path, required=True, metavar="DIR")
    for each in actions.choices.values():
        each.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        each.add_argument("--data-dir", type=Path, default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def command(options: Arguments, output: Output) -> int:
    from app import settings as settings_file
    from app.cloud.session import CloudSession
    from app.connecting import policy_text, wishes_of
    from app.paths import data_folder
    from app.watching import load_config

    data = data_folder(options.data_dir)
    settings = settings_file.load(data.settings)
    if options.action == "key":
        return _key(options, output, options.key_id or settings.aws_key_id)
    if options.action in ("upload", "download"):
        return _copy(options, output, CloudSession(settings.account()))
    wishes = wishes_of(settings, load_config(data).recipients)
    if options.action == "policy":
        import json

        text = policy_text(wishes, options.account)
        output.result(json.loads(text), text)
        return 0
    return _check(output, settings.account(), wishes)


def _check(output: Output, address: object, wishes: object) -> int:
    from app.cloud.checking import Works, check, identify
    from app.cloud.policy import Wishes
    from app.cloud.session import CloudAddress, CloudError, CloudSession

    assert isinstance(address, CloudAddress) and isinstance(wishes, Wishes)
    session = CloudSession(address)
    try:
        identity = identify(session)
    except CloudError as error:
        output.result({"identity": None, "problem": str(error), "needs": []}, str(error))
        return 1
    found = check(session, wishes, output.step)
    listed = [
        {
            "what": each.need.words,
            "state": each.works.value,
            "actions": list(each.need.actions),
            "resources": [
                place.format(region=address.region or "*", account=identity.account) for place in each.need.resources
            ],
            "words": each.words,
        }
        for each in found
    ]
    lines = [f"Signed in as {identity.arn}."]
    lines += [f"{each.works.value:>16}  {each.need.words}. {each.words}".rstrip() for each in found]
    if not found:
        lines.append("Nothing that needs AWS is switched on. Nothing is sent.")
    output.result(
        {"identity": {"account": identity.account, "arn": identity.arn}, "problem": None, "needs": listed},
        "\n".join(lines),
    )
    return 0 if all(each.works in (Works.YES, Works.UNTRIED) for each in found) else 1


def _copy(options: Arguments, output: Output, session: CloudSession) -> int:
    import tempfile

    from app.cloud.transfers import download, place_of, upload
    from app.datasets import opened_dataset
    from app.datasets.exporting import export
    from app.datasets.lookout_export import colours_of
    from app.datasets.masks import labelled

    problems: tuple[str, ...] = ()
    place_of(options.place)  # said before the work that it would be for
    if options.action == "download":
        moved = download(session, options.place, options.out, output.step)
        problems = moved.problems
        words = f"{moved.files:,} files of {options.place} lie in {options.out}, {moved.known:,} were there already."
    else:
        with (
            tempfile.TemporaryDirectory(prefix="linesight-set-") as folder,
            opened_dataset(options.dataset, step=output.step) as dataset,
        ):
            records, out = [labelled(item) for item in dataset.items], Path(folder) / "set"
            done = export(
                records, "lookout", out, output.step, colours=colours_of(dataset), s3_prefix=options.place.rstrip("/")
            )
            problems = (*dataset.problems, *done.problems)
            moved = upload(session, out, options.place, output.step)
        words = f"{moved.files:,} files are in {options.place}, {moved.known:,} were there already."
    for each in problems:
        output.say(each)
    told = {"files": moved.files, "bytes": moved.bytes, "known": moved.known, "problems": list(problems)}
    output.result({"place": options.place, **told}, words)
    return 1 if problems else 0


def _key(options: Arguments, output: Output, key_id: str) -> int:
    from app.cloud import keys
    from app.domain.errors import LinesightError

    if not key_id:
        raise LinesightError("Which access key? Give its id, or set aws_key_id in the settings first.")
    if options.what == "forget":
        gone = keys.forget(key_id)
        words = f"The secret of {key_id} is forgotten." if gone else f"There was no secret of {key_id}."
        output.result({"key_id": key_id, "kept": False}, words)
        return 0
    # Never from the command line: others on this computer can read that.
    secret = (getpass.getpass(f"Secret of {key_id}: ") if sys.stdin.isatty() else sys.stdin.readline()).strip()
    if not secret:
        raise LinesightError("No secret was given; nothing was changed.")
    keys.keep(key_id, secret)
    output.result({"key_id": key_id, "kept": True}, f"The secret of {key_id} lies in this computer's keyring.")
    return 0
