"""A server that was started as its users start it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.serverless.house import client_of


@dataclass
class Running:
    """A server that was started."""

    process: subprocess.Popen[str]
    url: str
    root: Path
    data: Path

    def client(self, **options: Any) -> Any:
        return client_of(self.url, **options)

    def end(self) -> int:
        self.process.terminate()
        return self.process.wait(30)


Start = Callable[..., Running]
