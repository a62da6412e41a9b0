"""``falvideo label``: the options."""

from __future__ import annotations

import re
from enum import Enum
from typing import Annotated

import typer

from falvideo.errors import UsageError
from falvideo.models.catalogue import DEFAULT_MODEL


class ProgressMode(str, Enum):
    """How progress is shown, on standard error."""

    auto = "auto"
    bar = "bar"
    json = "json"
    none = "none"


def parse_time(text: str) -> float:
    """Seconds from ``90``, ``1:30``, ``01:30:00.5``."""
    match = re.fullmatch(r"(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d*)?|\.\d+)", text.strip(), re.ASCII)
    if match is None:
        raise typer.BadParameter(f"{text!r} is not a time: give seconds (90.5) or [HH:]MM:SS (1:30)")
    hours, minutes, seconds = match.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds)


def parse_output(formats: list[str] | None, output: str | None) -> tuple[str, ...]:
    """The formats to write, from ``-f`` and ``-o``.

    Raises:
        UsageError: an unknown format, or options that do not go together.
    """
    from falvideo.exports import parse_formats

    chosen = parse_formats(formats or "json")
    if formats and output is None:
        raise UsageError("-f needs -o", remedy="add -o DIR, or -o - for standard output")
    if output == "":
        raise UsageError("-o is empty", remedy="give a folder, or - for standard output")
    if output == "-" and len(chosen) > 1:
        raise UsageError("-o - takes one format", remedy=f"use -f {chosen[0]}")
    return chosen


def label(
    sources: Annotated[list[str], typer.Argument(metavar="SRC", help="Video files, folders, or patterns in quotes.")],
    model: Annotated[
        str,
        typer.Option(
            "-m", "--model", metavar="MODEL", help="Embedded model, folder or Hugging Face id: see `falvideo models`."
        ),
    ] = DEFAULT_MODEL,
    output: Annotated[
        str | None,
        typer.Option(
            "-o", "--output", metavar="DIR", help="Write files there; - for standard output.  [default: a table]"
        ),
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "-f", "--format", metavar="LIST", help="json, csv, tsv, vtt, srt; several with commas.  [default: json]"
        ),
    ] = None,
    recursive: Annotated[bool, typer.Option("-r", "--recursive", help="Look into subfolders.")] = False,
    top_k: Annotated[int, typer.Option("--top-k", metavar="N", help="Labels kept for the whole clip.")] = 5,
    threshold: Annotated[float, typer.Option(metavar="P", help='Below this score a stretch is "unknown".')] = 0.3,
    window: Annotated[
        float | None, typer.Option(metavar="SEC", help="Seconds seen at once.  [default: the model's own]")
    ] = None,
    stride: Annotated[
        float | None, typer.Option(metavar="SEC", help="Seconds between windows.  [default: half a window]")
    ] = None,
    start: Annotated[
        float | None,
        typer.Option(
            parser=parse_time, metavar="TIME", help="From here: seconds or [HH:]MM:SS.  [default: the beginning]"
        ),
    ] = None,
    end: Annotated[
        float | None, typer.Option(parser=parse_time, metavar="TIME", help="Up to here.  [default: the end]")
    ] = None,
    device: Annotated[str, typer.Option(metavar="DEVICE", help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    batch_size: Annotated[int, typer.Option("--batch-size", metavar="N", help="Windows computed at once.")] = 8,
    progress: Annotated[
        ProgressMode, typer.Option(help="auto: a bar on a terminal, plain lines elsewhere.")
    ] = ProgressMode.auto,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but errors.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace results that are there.")] = False,
) -> None:
    """Label videos: the labels of each clip and its timeline.

    Without -o a table is printed. Exit codes: 0 all good, 1 some files failed (with -o, listed in
    DIR/errors.jsonl), 2 usage, 130 interrupted.
    """
    from falvideo.cli.progress import Reporter
    from falvideo.cli.run import Job, run
    from falvideo.labeling.options import LabelOptions

    job = Job(
        sources=tuple(sources),
        recursive=recursive,
        model=model,
        device=device,
        options=LabelOptions(top_k, threshold, window, stride, start, end, batch_size),
        formats=parse_output(formats, output),
        output=output,
        overwrite=overwrite,
    )
    try:
        with Reporter(progress.value, quiet=quiet) as reporter:
            failed = run(job, reporter)
    except BrokenPipeError as error:  # typer would make it 1, "some files failed"
        raise typer.Exit(141) from error
    if failed:
        raise typer.Exit(1)
