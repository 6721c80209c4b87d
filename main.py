"""Starts Linesight: reads the command line and starts the window or one command."""

from __future__ import annotations

import sys

from app.cli import main
from app.cli.parser import Arguments


def window(options: Arguments) -> int:
    """The window; imported only now, since the commands need no Qt."""
    from ui.start import start

    return start(
        data_dir=options.data_dir,
        kiosk=options.kiosk,
        smoke=options.smoke,
        demo_seconds=options.demo_seconds,
        snapshot=options.snapshot,
        source=options.source,
        model=options.model,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], window))
