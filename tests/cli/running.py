"""Running the command as users do, and what a run left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

COMMAND = [sys.executable, "-m", "falvideo.cli.main"]
COLOUR_SWITCHES = ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "LINES")


@dataclass(frozen=True)
class Outcome:
    """What a run left behind."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """Of standard error."""
        return self.err.splitlines()


Run = Callable[..., Outcome]


def surroundings() -> dict[str, str]:
    """Environment variables for a process: no colours, 80 columns, no network, whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if name not in COLOUR_SWITCHES}
    return {**kept, "COLUMNS": "80", "HF_HUB_OFFLINE": "1"}


def run_for_real(*arguments: object, cwd: Path) -> Outcome:
    """Runs the command as a process of its own, in a folder."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=surroundings(),
    )
    return Outcome(done.returncode, done.stdout, done.stderr)
