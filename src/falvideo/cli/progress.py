"""What the user sees while work goes on, on standard error: a bar, plain lines, JSON lines, or nothing."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

if TYPE_CHECKING:
    from falvideo.labeling.result import LabelResult


def clock(seconds: float) -> str:
    """``0:07.5``, ``12:03.0``, ``1:02:03.0``: for people; a tenth of a second is as fine as labels are."""
    tenths = round(max(0.0, seconds) * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest // 10:02d}.{rest % 10}"
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"


class _Speed(ProgressColumn):
    """Seconds of video per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.0f}x" if speed else "", style="cyan")


class Reporter:
    """Says how the run goes.

    Args:
        mode: ``"auto"`` (a bar on a terminal, plain lines elsewhere), ``"bar"``, ``"json"`` or ``"none"``.
        quiet: say nothing but errors.
    """

    def __init__(self, mode: str, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        if mode == "auto":
            mode = "bar" if self._console.is_terminal else "lines"
        self._mode = "none" if quiet and mode != "json" else mode
        self._quiet = quiet
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._names: list[str] = []
        self._done = 0
        self._video_seconds = 0.0
        self._begun = time.monotonic()
        self._file_begun = self._begun
        self._last_said = 0.0

    def __enter__(self) -> Reporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def status(self, text: str) -> None:
        """Something that takes a moment before the first file."""
        if self._mode == "bar":
            self._start_bar(text)

    def begin(self, names: Sequence[str]) -> None:
        """The files that will come."""
        self._names = list(names)
        self._begun = self._file_begun = time.monotonic()
        if self._mode == "bar":
            self._start_bar(self._heading())

    def progress(self, done: float, total: float | None) -> None:
        """Seconds of the current video labelled, and in all when known."""
        now = time.monotonic()
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done if total is None else min(done, total), total=total)
        elif self._mode == "json" and now - self._last_said > 0.5:
            self._last_said = now
            speed = done / max(1e-6, now - self._file_begun)
            left = None if total is None else max(0.0, total - done) / max(1e-6, speed)
            self._say_json(
                "progress",
                uri=self._current(),
                file=self._done + 1,
                files=len(self._names),
                done_seconds=round(done, 3),
                total_seconds=None if total is None else round(total, 3),
                speed=round(speed, 2),
                seconds_left=None if left is None else round(left, 1),
            )
        elif self._mode == "lines" and now - self._last_said > 10 and now - self._file_begun > 10:
            self._last_said = now
            share = f" of {clock(total)}" if total else ""
            speed = done / (now - self._file_begun)
            self._line(f"{self._counter()}{self._current()}: {clock(done)}{share} ({speed:.0f}x)")

    def finished(self, uri: str, result: LabelResult | None) -> None:
        """A file is done, or has failed when there is no result."""
        now = time.monotonic()
        taken = now - self._file_begun
        seconds = 0.0 if result is None else result.source.duration
        if self._mode == "json":
            self._say_json(
                "failed" if result is None else "finished",
                uri=uri,
                file=self._done + 1,
                files=len(self._names),
                video_seconds=round(seconds, 3),
                seconds=round(taken, 3),
            )
        elif result is not None and self._mode in ("lines", "bar") and len(self._names) > 1:
            best = result.labels[0]
            self._line(f"{self._counter()}{uri}: {best.label} {best.score:.0%}, {clock(seconds)} in {taken:.1f} s")
        self._done += 1
        self._video_seconds += seconds
        self._file_begun = time.monotonic()
        if self._bar is not None:
            self._start_bar(self._heading())

    def pause(self) -> None:
        """Take the bar away before something is printed on standard output."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def error(self, text: str) -> None:
        """One clear line, whatever the mode."""
        if self._mode == "json":
            self._say_json("error", message=text)
        else:
            self._line(f"[red]error[/red] {escape(text)}", markup=True)

    def warning(self, text: str) -> None:
        """One line, unless quiet."""
        if self._mode == "json":
            self._say_json("warning", message=text)
        elif not self._quiet:
            self._line(f"[yellow]warning[/yellow] {escape(text)}", markup=True)

    def end(self, files: int, failed: int) -> None:
        """The summary, for more than one file."""
        self.pause()
        taken = time.monotonic() - self._begun
        speed = self._video_seconds / taken if taken > 0 else 0.0
        if self._mode == "json":
            self._say_json("end", files=files, failed=failed, video_seconds=round(self._video_seconds, 3))
        elif self._mode != "none" and files > 1:
            failures = f", {failed} failed" if failed else ""
            self._line(
                f"{files - failed} of {files} files labelled{failures}: {clock(self._video_seconds)} of video in "
                f"{taken:.1f} s ({speed:.0f} times faster than it plays)"
            )

    def _start_bar(self, text: str) -> None:
        self.pause()
        if self._done >= len(self._names) and self._names:
            return
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            _Speed(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._task = self._bar.add_task(escape(text), total=None)
        self._bar.start()

    def _heading(self) -> str:
        return f"{self._counter()}{self._current()}" if self._done < len(self._names) else ""

    def _counter(self) -> str:
        return f"{self._done + 1}/{len(self._names)} " if len(self._names) > 1 else ""

    def _current(self) -> str:
        return self._names[self._done] if self._done < len(self._names) else ""

    def _line(self, text: str, *, markup: bool = False) -> None:
        # Names come from strangers: bytes that are not text are shown replaced, control characters escaped.
        safe = text.encode("utf-8", "replace").decode()
        safe = "".join(c if c.isprintable() else repr(c)[1:-1] for c in safe)
        self._console.print(safe, markup=markup)

    def _say_json(self, event: str, **values: Any) -> None:
        print(json.dumps({"event": event, **values}), file=sys.stderr, flush=True)
