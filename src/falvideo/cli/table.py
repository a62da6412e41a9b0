"""A result as people read it: labels, a strip of time in colours, and the segments."""

from __future__ import annotations

from string import ascii_letters

from rich.console import Console
from rich.table import Table
from rich.text import Text

from falvideo.cli.progress import Terminal
from falvideo.cli.words import clock, one_line
from falvideo.records import UNKNOWN, Segment, Timeline

# Told apart by people who see red and green alike, on light and on dark (Okabe and Ito, 2008), then repeated.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")
_STRIP = 72


class _Marks:
    """How each label is told from the others: a colour, or a letter where there are no colours."""

    def __init__(self, result: Timeline, *, colours: bool) -> None:
        names = [s.label for s in result.segments] + [entry.label for entry in result.labels]
        known = [name for name in dict.fromkeys(names) if name != UNKNOWN]
        self._places = {name: i for i, name in enumerate(known)}
        self._colours = colours

    def style(self, label: str) -> str:
        return "dim" if label == UNKNOWN else PALETTE[self._places[label] % len(PALETTE)]

    def block(self, label: str) -> str:
        if label == UNKNOWN:
            return "░"
        return "█" if self._colours else ascii_letters[self._places[label] % len(ascii_letters)]


def print_result(result: Timeline, console: Console | None = None) -> None:
    """Print one result on standard output."""
    console = console or Terminal()
    width = min(_STRIP, max(20, console.width))
    marks = _Marks(result, colours=console.color_system is not None and not console.no_color)
    console.print(_heading(result), soft_wrap=not console.is_terminal)
    console.print(_clip(result, marks))
    console.print(_strip(result, marks, width))
    begin, finish = clock(_begin(result)), clock(_finish(result))
    console.print(f"{begin}{' ' * max(1, width - len(begin) - len(finish))}{finish}", style="dim")
    console.print(_segments(result.segments, marks))
    console.print(f"labelled by {one_line(result.model.id)}", style="dim", soft_wrap=not console.is_terminal)


def _heading(result: Timeline) -> Text:
    source = result.source
    rate = f", {float(source.fps):.4g} frames a second" if source.fps is not None else ""
    varies = " (variable)" if source.variable_rate else ""
    size = f"  {clock(source.duration)}, {source.width}x{source.height}{rate}{varies}"
    return Text.assemble((one_line(source.uri), "bold"), size)


def _clip(result: Timeline, marks: _Marks) -> Text:
    clip = Text("the clip  ")
    for i, entry in enumerate(result.labels):
        clip.append(", " if i else "")
        clip.append(one_line(entry.label), style=marks.style(entry.label))
        clip.append(f" {entry.score:.0%}")
    return clip


def _begin(result: Timeline) -> float:
    return result.segments[0].start if result.segments else result.source.start_time


def _finish(result: Timeline) -> float:
    return result.segments[-1].end if result.segments else result.source.start_time


def _strip(result: Timeline, marks: _Marks, width: int) -> Text:
    """The timeline as a line of blocks, each that of the label at its middle."""
    begin, finish = _begin(result), _finish(result)
    strip, at = Text(), 0
    for i in range(width):
        moment = begin + (finish - begin) * (i + 0.5) / width
        while at + 1 < len(result.segments) and result.segments[at].end <= moment:
            at += 1
        label = result.segments[at].label if result.segments else UNKNOWN
        strip.append(marks.block(label), style=marks.style(label))
    return strip


def _segments(segments: tuple[Segment, ...], marks: _Marks) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("start", justify="right", no_wrap=True)
    table.add_column("end", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("label", overflow="fold")
    table.add_column("score", justify="right", no_wrap=True)
    for s in segments:
        style = marks.style(s.label)
        mark, name = Text(marks.block(s.label), style=style), Text(one_line(s.label), style=style)
        table.add_row(clock(s.start), clock(s.end), mark, name, f"{s.score:.0%}")
    return table
