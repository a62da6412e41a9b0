"""What the user sees while work goes on, on standard error: a bar, plain lines, JSON lines, or nothing."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from falvideo.cli.words import clock, one_line

if TYPE_CHECKING:
    from falvideo.labeling.result import LabelResult


class Terminal(Console):
    """A console that shows text as it is, and leaves a reader that went away to ``main``."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, emoji=False, markup=False)

    def on_broken_pipe(self) -> None:
        """Raise it again: rich would end the program with exit code 1."""
        raise  # noqa: PLE0704  called while it is handled


class _Share(ProgressColumn):
    """How much is done: percent, or the time reached where the length is not known."""

    def render(self, task: Task) -> Text:
        if task.total is None:
            return Text(clock(task.completed) if task.completed else "")
        return Text(f"{task.percentage:3.0f}%")


class _Speed(ProgressColumn):
    """Seconds of video per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.0f}x" if speed else "", style="cyan")


_BAR = 20  # columns
_BESIDE_BAR = 20  # columns of the share, the speed, the time left and the gaps
_SECONDS_BETWEEN_JSON = 0.5
_SECONDS_BETWEEN_LINES = 10.0


class Reporter:
    """Says how the run goes. A context manager.

    Args:
        mode: ``"auto"`` (a bar on a terminal, plain lines elsewhere), ``"bar"``, ``"json"`` or ``"none"``.
        quiet: say nothing but errors (as JSON lines in that mode).
    """

    def __init__(self, mode: str, *, quiet: bool = False) -> None:
        self._console = Terminal(stderr=True)
        if mode == "auto":
            mode = "bar" if self._console.is_terminal else "lines"
        self._json = mode == "json"
        self._mode = "none" if quiet else mode
        self._quiet = quiet
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._names: list[str] = []
        self._results = False
        self._done = 0
        self._video_seconds = 0.0
        self._begun = time.monotonic()
        self._file_begun = self._begun
        self._last_said = self._begun

    def __enter__(self) -> Reporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pause()

    def status(self, text: str) -> None:
        """Something that takes a moment before the first file."""
        if self._mode != "bar":
            return
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(_BAR),
            _Share(),
            _Speed(),
            TimeRemainingColumn(compact=True),
            console=self._console,
            transient=True,
        )
        self._task = self._bar.add_task(text, total=None)
        self._bar.start()

    def begin(self, names: Sequence[str], *, results: bool = True) -> None:
        """The files that will come.

        Args:
            names: of the files, in order.
            results: say each file's result in a line; not where it is printed anyway.
        """
        self._names = list(names)
        self._results = results and len(names) > 1
        self._begun = time.monotonic()
        self._next()

    def progress(self, done: float, total: float | None) -> None:
        """Seconds of the current video labelled, and in all when known."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done if total is None else min(done, total), total=total)
        elif self._mode in ("json", "lines"):
            self._progress_line(done, total)

    def _progress_line(self, done: float, total: float | None) -> None:
        now = time.monotonic()
        if now - self._last_said < (_SECONDS_BETWEEN_JSON if self._json else _SECONDS_BETWEEN_LINES):
            return
        self._last_said = now
        if total is not None:  # the last window may reach past the last frame
            done = min(done, total)
        speed = done / max(1e-6, now - self._file_begun)
        if self._mode == "lines":
            share = f" of {clock(total)}" if total else ""
            self._line(f"{self._heading()}: {clock(done)}{share} ({speed:.{0 if speed >= 10 else 1}f}x)")
            return
        left = None if total is None else max(0.0, total - done) / max(1e-6, speed)
        self._say_json(
            "progress",
            uri=self._names[self._done],
            file=self._done + 1,
            files=len(self._names),
            done_seconds=round(done, 3),
            total_seconds=None if total is None else round(total, 3),
            speed=round(speed, 2),
            seconds_left=None if left is None else round(left, 1),
        )

    def finished(self, uri: str, result: LabelResult | None) -> None:
        """A file is done, or has failed when there is no result."""
        taken = time.monotonic() - self._file_begun
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
        elif result is not None and self._mode in ("lines", "bar") and self._results:
            best = result.labels[0]
            self._line(f"{self._heading()}: {best.label} {best.score:.0%}, {clock(seconds)} in {taken:.1f} s")
        self._done += 1
        self._video_seconds += seconds
        self._next()

    def pause(self) -> None:
        """Take the bar away before something is printed on standard output."""
        if self._bar is not None:
            self._bar.stop()

    def resume(self) -> None:
        """Show the bar again."""
        if self._bar is not None and self._done < len(self._names):
            self._bar.start()

    def error(self, text: str) -> None:
        """One clear line, whatever the mode."""
        self._problem("error", "red", text)

    def warning(self, text: str) -> None:
        """One line, unless quiet."""
        if not self._quiet:
            self._problem("warning", "yellow", text)

    def end(self, files: int, failed: int) -> None:
        """The summary, for more than one file."""
        self.pause()
        taken = time.monotonic() - self._begun
        if self._mode == "json":
            self._say_json("end", files=files, failed=failed, video_seconds=round(self._video_seconds, 3))
        elif self._mode in ("lines", "bar") and files > 1:
            failures = f", {failed} failed" if failed else ""
            speed = self._video_seconds / taken if taken > 0 else 0.0
            fast = f" ({speed:.0f} times faster than it plays)" if speed >= 2 else ""
            self._line(
                f"{files - failed} of {files} labelled{failures}: {clock(self._video_seconds)} of video in "
                f"{taken:.1f} s{fast}"
            )

    def _next(self) -> None:
        """The file after the one that is done."""
        self._file_begun = self._last_said = time.monotonic()
        if self._bar is None:
            return
        if self._done >= len(self._names):
            self._bar.stop()
            return
        text = self._heading()
        room = max(12, self._console.width - _BAR - _BESIDE_BAR)
        if len(text) > room:  # the end of a path says most
            text = f"{self._counter()}…{text[-(room - len(self._counter()) - 1) :]}"
        self._bar.remove_task(self._task)  # a reset would keep the length
        self._task = self._bar.add_task(text, total=None)

    def _heading(self) -> str:
        return f"{self._counter()}{one_line(self._names[self._done])}"

    def _counter(self) -> str:
        return f"{self._done + 1}/{len(self._names)} " if len(self._names) > 1 else ""

    def _problem(self, kind: str, colour: str, text: str) -> None:
        if self._json:
            self._say_json(kind, message=text)
        else:
            self._line(text, Text(f"{kind} ", style=colour))

    def _line(self, text: str, before: Text | None = None) -> None:
        # In a file one line stays one line; on a terminal it breaks between words.
        self._console.print(Text.assemble(before or "", one_line(text)), soft_wrap=not self._console.is_terminal)

    def _say_json(self, event: str, **values: Any) -> None:
        print(json.dumps({"event": event, **values}), file=sys.stderr, flush=True)
