"""A result as people read it: labels, a strip of time in colours, and the segments."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from falvideo.cli.progress import clock
from falvideo.records import UNKNOWN, Segment, Timeline

# Told apart by people who see red and green alike, on light and on dark (Okabe and Ito, 2008), then repeated.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")
_UNKNOWN_STYLE = "dim"
_STRIP = 72


def print_result(result: Timeline, console: Console | None = None) -> None:
    """Print one result on standard output."""
    console = console or Console(highlight=False)
    width = _STRIP if console.width >= _STRIP else max(20, console.width)
    colours = _colours(result)
    source = result.source
    rate = f", {float(source.fps):.4g} frames a second" if source.fps is not None else ""
    varies = " (variable)" if source.variable_rate else ""
    size = f"{clock(source.duration)}, {source.width}x{source.height}{rate}{varies}"
    console.print(f"[bold]{escape(_text(source.uri))}[/bold]  {size}", soft_wrap=True)
    clip = Text("the clip   ")
    for i, entry in enumerate(result.labels):
        clip.append("   " if i else "")
        clip.append(_text(entry.label), style=colours.get(entry.label, _UNKNOWN_STYLE))
        clip.append(f" {entry.score:.0%}")
    console.print(clip)
    console.print(_strip(result, colours, width))
    begin, finish = clock(_begin(result)), clock(_finish(result))
    console.print(f"{begin}{' ' * max(1, width - len(begin) - len(finish))}{finish}", style="dim")
    console.print(_segments(result.segments, colours))
    console.print(f"labelled by {escape(_text(result.model.id))}", style="dim", soft_wrap=True)


def _begin(result: Timeline) -> float:
    return result.segments[0].start if result.segments else result.source.start_time


def _finish(result: Timeline) -> float:
    return result.segments[-1].end if result.segments else result.source.start_time


def _colours(result: Timeline) -> dict[str, str]:
    names = [s.label for s in result.segments] + [entry.label for entry in result.labels]
    known = [name for name in dict.fromkeys(names) if name != UNKNOWN]
    return {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(known)}


def _strip(result: Timeline, colours: dict[str, str], width: int) -> Text:
    """The timeline as a line of blocks, each in the colour of the label at its middle."""
    begin, finish = _begin(result), _finish(result)
    strip, at = Text(), 0
    for i in range(width):
        moment = begin + (finish - begin) * (i + 0.5) / width
        while at + 1 < len(result.segments) and result.segments[at].end <= moment:
            at += 1
        label = result.segments[at].label if result.segments else UNKNOWN
        strip.append("░" if label == UNKNOWN else "█", style=colours.get(label, _UNKNOWN_STYLE))
    return strip


def _segments(segments: tuple[Segment, ...], colours: dict[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("start", justify="right")
    table.add_column("end", justify="right")
    table.add_column("label")
    table.add_column("score", justify="right")
    for s in segments:
        mark = "░" if s.label == UNKNOWN else "█"
        name = Text(f"{mark} {_text(s.label)}", style=colours.get(s.label, _UNKNOWN_STYLE))
        table.add_row(clock(s.start), clock(s.end), name, f"{s.score:.0%}")
    return table


def _text(text: str) -> str:
    """Names come from strangers: control characters would move the cursor or worse."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
