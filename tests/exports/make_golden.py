"""Writes tests/exports/golden/: run it after a change that is meant, and read the difference.

python tests/exports/make_golden.py
"""

from __future__ import annotations

from pathlib import Path

from exports_samples import GOLDEN

from falvideo.exports import EXPORTS, render, write_atomically

FOLDER = Path(__file__).parent / "golden"


def main() -> None:
    for name, timeline in GOLDEN.items():
        for export in EXPORTS.values():
            write_atomically(FOLDER / f"{name}{export.suffix}", render(timeline, export.name))


if __name__ == "__main__":
    main()
