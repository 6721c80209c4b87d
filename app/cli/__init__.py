"""The command line: `main.py` hands its arguments to `app.cli.main`."""

from app.cli.entry import main

__all__ = ["main"]
