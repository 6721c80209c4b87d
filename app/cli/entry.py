"""Reading the command line and starting one command or the window."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence

from app.cli.output import Output
from app.cli.parser import Arguments, parse
from app.domain.errors import LinesightError

DONE, FAILED, WRONG_USAGE = 0, 1, 2

# Imported only when asked for: `--help` needs neither OpenVINO nor a database.
_COMMANDS = {
    "train": "app.cli.train",
    "inspect": "app.cli.inspecting",
    "export": "app.cli.exporting",
    "scale": "app.cli.scaling",
    "evaluate": "app.cli.evaluating",
    "dataset": "app.cli.datasets",
    "run": "app.cli.running",
    "report": "app.cli.reporting",
    "lookout-server": "app.cli.serving",
    "merge": "app.cli.merging",
    "backup": "app.cli.backing",
    "restore": "app.cli.backing",
    "audit": "app.cli.auditing",
    "models": "app.cli.versions",
    "review": "app.cli.reviewing",
    "rounds": "app.cli.rounds",
    "gauge": "app.cli.gauging",
    "sagemaker": "app.cli.sagemaking",
    "cloud": "app.cli.clouding",
    "bench": "app.cli.benching",
}

Window = Callable[[Arguments], int]


def main(arguments: Sequence[str], window: Window) -> int:
    """Runs one command; without one, `window` is started with the parsed arguments.

    Returns:
        The exit code: 0 done, whatever the verdicts; 1 something failed; 2 wrong usage.
    """
    try:
        options = parse(arguments)
    except SystemExit as ended:  # argparse has said why, or printed its help
        return ended.code if isinstance(ended.code, int) else WRONG_USAGE
    output = Output(json=options.json)
    try:
        if options.command is None or (options.command == "run" and not options.headless):
            return window(options)
        command: Callable[[Arguments, Output], int] = importlib.import_module(_COMMANDS[options.command]).command
        return command(options, output)
    except LinesightError as error:
        output.failed(str(error))
        return FAILED
    except KeyboardInterrupt:
        output.say("Stopped.")
        return FAILED
    except BrokenPipeError:
        # Whoever read has had enough (head, less): that is no failure of the command's own.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
