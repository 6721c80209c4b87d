"""The command line of deploy.py."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stack_deploy import cost, releases
from stack_deploy.changes import in_words, kept_names, without_comments
from stack_deploy.stacks import DeployError, Plan, Stack

TEMPLATE = Path(__file__).resolve().parent.parent / "template.yaml"

Ask = Callable[[str], str]


def main(arguments: Sequence[str] | None = None, *, ask: Ask = input, client: Any = None, s3: Any = None) -> int:
    """Runs one command; 0 done, 1 it could not be done (said on standard error), 2 wrong usage.

    Args:
        ask: shows a question and gives the answer.
        client, s3: boto3's for CloudFormation and S3; made where they are needed if None.
    """
    given = _parser().parse_args(arguments)
    if given.command == "cost":
        return _cost(given)
    try:
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        print("boto3 is missing: run this with the project's own Python, .venv/bin/python.", file=sys.stderr)
        return 1
    try:
        if client is None:
            import boto3

            client = boto3.client("cloudformation", region_name=given.region)
            s3 = boto3.client("s3", region_name=given.region)
        if given.command == "release":
            return _release(given, Stack(client, given.stack), s3, ask)
        return int(_COMMANDS[given.command](given, Stack(client, given.stack), ask))
    except (DeployError, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)
        return 1


def _plan(given: argparse.Namespace, stack: Stack, ask: Ask) -> int:
    plan = stack.plan(_template(), _parameters(given))
    _show(plan, stack)
    stack.forget(plan)
    return 0


def _deploy(given: argparse.Namespace, stack: Stack, ask: Ask) -> int:
    there = bool(stack.status())
    if there != (given.command == "update"):
        words = "is there already: use update" if there else "is not there: use deploy"
        raise DeployError(f"The stack {stack.name} {words}.")
    plan = stack.plan(_template(), _parameters(given))
    _show(plan, stack)
    if not plan.changes or not (given.yes or _agrees(ask, "Do it? [y/N] ")):
        stack.forget(plan)
        print("Nothing was done.")
        return 0
    stack.carry_out(plan)
    for name, value in stack.outputs().items():
        print(f"{name}: {value}")
    return 0


def _delete(given: argparse.Namespace, stack: Stack, ask: Ask) -> int:
    if not stack.status():
        raise DeployError(f"The stack {stack.name} is not there.")
    kept = stack.parts(kept_names(_template()))
    print(f"The stack {stack.name} with its functions, queues, topics, schedules, alarms and logs is deleted.")
    print("These are kept with all they hold, and go on costing what is stored in them:")
    for name, place in sorted(kept.items()):
        print(f"  {name}: {place}")
    print("Delete them yourself when you are sure; without the Key nothing in them can be read.")
    if not (given.yes or ask("Type the stack's name to delete it: ").strip() == stack.name):
        print("Nothing was done.")
        return 0
    stack.delete()
    print("Deleted.")
    return 0


def _release(given: argparse.Namespace, stack: Stack, s3: Any, ask: Ask) -> int:
    if not stack.status():
        raise DeployError(f"The stack {stack.name} is not there.")
    bucket = stack.outputs()["ModelsBucket"]
    found, words = releases.described(s3, bucket, given.product, given.snapshot)
    print(f"The model of snapshot {given.snapshot} is released for {given.product}. {words}")
    if not (given.yes or _agrees(ask, "Do it? [y/N] ")):
        print("Nothing was done.")
        return 0
    releases.release(s3, bucket, found)
    print("Released. To go back, release an earlier snapshot the same way.")
    return 0


def _cost(given: argparse.Namespace) -> int:
    load = cost.Load(given.stations, given.pictures, **{name: getattr(given, name) for name in _ASSUMED})
    price = cost.prices()
    items = cost.estimate(load, price)
    if given.json:
        found = {"dollars_a_month": round(cost.total(items), 2), "assumptions": asdict(load)}
        found |= {"items": [asdict(item) for item in items], "prices": price}
        print(json.dumps(found, indent=2))
        return 0
    for item in items:
        print(f"{item.dollars:14,.2f}  {item.service}: {item.what} ({_amount(item.quantity)} {item.unit})")
    print(f"{cost.total(items):14,.2f}  US dollars a month")
    print(f"\nList prices of {price['region']}, {price['as_of']}. {price['note']}")
    print(f"Assumed: {', '.join(f'{name} {value}' for name, value in asdict(load).items())}.")
    return 0


_COMMANDS: dict[str, Callable[[argparse.Namespace, Stack, Ask], int]] = {
    "plan": _plan,
    "deploy": _deploy,
    "update": _deploy,
    "delete": _delete,
}
_ASSUMED = ("picture_kb", "result_kb", "milliseconds", "defects", "picture_days", "entry_minutes")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="deploy.py", description="Linesight in AWS: plans, makes and deletes its stack."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, words in (
        ("plan", "show what deploy or update would do"),
        ("deploy", "make the stack"),
        ("update", "change it"),
        ("delete", "delete it; pictures, models and records are kept"),
        ("release", "let a candidate's model judge its product from now on"),
    ):
        command = commands.add_parser(name, help=words, description=words)
        command.add_argument("--stack", type=_stack_name, default="linesight", help="its name (linesight)")
        command.add_argument("--region", help="where; as the AWS settings say if not given")
        if name == "release":
            command.add_argument("--product", required=True)
            command.add_argument("--snapshot", type=_number, required=True, help="its number, as the proposal names it")
        elif name != "delete":
            command.add_argument("--image", help="the container image in ECR; needed for a new stack")
            command.add_argument(
                "--set", action="append", default=[], metavar="NAME=VALUE", help="another parameter of the template"
            )
        if name != "plan":
            command.add_argument("--yes", action="store_true", help="do not ask")
    command = commands.add_parser("cost", help="estimate a month's cost", description="estimate a month's cost")
    command.add_argument("--stations", type=_number, required=True)
    command.add_argument("--pictures", type=_number, required=True, help="a day, of all stations together")
    command.add_argument("--json", action="store_true")
    assumed = cost.Load(1, 1)
    for name in _ASSUMED:
        default = getattr(assumed, name)
        command.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default, help=f"({default})")
    return parser


def _template() -> str:
    return without_comments(TEMPLATE.read_text(encoding="utf-8"))


def _parameters(given: argparse.Namespace) -> dict[str, str]:
    found = {"ImageUri": given.image} if given.image else {}
    for text in given.set:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise DeployError(f"{text!r} sets nothing: write NAME=VALUE.")
        found[name] = value
    return found


def _show(plan: Plan, stack: Stack) -> None:
    print(f"The stack {stack.name} {'would be made' if plan.new else 'would be changed'}:")
    for line in in_words(plan.changes):
        print(f"  {line}")


def _agrees(ask: Ask, question: str) -> bool:
    return ask(question).strip().lower() in ("y", "yes")


def _amount(quantity: float) -> str:
    return f"{quantity:,.0f}" if quantity >= 10 else f"{quantity:.2g}"


def _stack_name(text: str) -> str:
    # Buckets are called after it, whose names are short, small and without anything else.
    if not re.fullmatch(r"[a-z][a-z0-9-]{1,20}", text):
        raise argparse.ArgumentTypeError("a stack's name has 2 to 21 small letters, digits and hyphens")
    return text


def _number(text: str) -> int:
    try:
        value = int(text.replace("_", "").replace(",", ""))
    except ValueError:
        value = -1
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of them")
    return value
