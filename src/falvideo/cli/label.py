"""``falvideo label``: options in, timelines out."""

from __future__ import annotations

import json
import os
import re
import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from falvideo.errors import FalError, OutputError, UsageError
from falvideo.models.catalogue import DEFAULT_MODEL

if TYPE_CHECKING:
    from falvideo.cli.progress import Reporter
    from falvideo.labeling.batch import ErrorLog, Failure
    from falvideo.labeling.result import LabelResult


class ProgressMode(str, Enum):
    """How progress is shown, on standard error."""

    auto = "auto"
    bar = "bar"
    json = "json"
    none = "none"


def parse_time(text: str) -> float:
    """Seconds from ``90``, ``1:30``, ``01:30:00.5``."""
    match = re.fullmatch(r"(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d*)?|\.\d+)", text.strip())
    if match is None:
        raise typer.BadParameter(f"{text!r} is not a time: give seconds (90.5) or [HH:]MM:SS (1:30)")
    hours, minutes, seconds = match.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds)


def label(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="SRC...", help="Video files, folders, or patterns in quotes.", show_default=False),
    ],
    model: Annotated[
        str,
        typer.Option("-m", "--model", help="Embedded model, folder or Hugging Face id; see `falvideo models`."),
    ] = DEFAULT_MODEL,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="Write files here; - for standard output.",
            show_default="a table",
        ),
    ] = None,
    formats: Annotated[
        str | None,
        typer.Option(
            "-f",
            "--format",
            metavar="LIST",
            help="json, csv, tsv, vtt, srt; several with commas.",
            show_default="json",
        ),
    ] = None,
    recursive: Annotated[bool, typer.Option("-r", "--recursive", help="Look into subfolders.")] = False,
    top_k: Annotated[int, typer.Option("--top-k", metavar="N", help="Labels kept for the whole clip.")] = 5,
    threshold: Annotated[float, typer.Option(metavar="P", help='Below this score a stretch is "unknown".')] = 0.3,
    window: Annotated[
        float | None,
        typer.Option(metavar="SEC", help="Seconds seen at once.", show_default="the model's own"),
    ] = None,
    stride: Annotated[
        float | None,
        typer.Option(metavar="SEC", help="Seconds between windows.", show_default="half a window"),
    ] = None,
    start: Annotated[
        float | None,
        typer.Option(
            parser=parse_time,
            metavar="TIME",
            help="From here: seconds or [HH:]MM:SS.",
            show_default="the beginning",
        ),
    ] = None,
    end: Annotated[
        float | None,
        typer.Option(parser=parse_time, metavar="TIME", help="Up to here.", show_default="the end"),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
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
    from falvideo.exports import parse_formats

    chosen = parse_formats(formats if formats is not None else "json")
    if formats is not None and output is None:
        raise UsageError("-f needs -o", remedy="add -o DIR, or -o - for standard output")
    if output == "-" and len(chosen) > 1:
        raise UsageError("-o - takes one format", remedy=f"use -f {chosen[0]}")
    with Reporter(progress.value, quiet=quiet) as reporter:
        # Everything that can be wrong with the command is found before the seconds that loading a model takes.
        from falvideo.labeling.sources import expand

        found, errors = expand(sources, recursive=recursive)
        if output == "-" and len(found) > 1 and chosen[0] in ("vtt", "srt"):
            raise UsageError(f"-o - takes one video with -f {chosen[0]}", remedy="use -o DIR")
        directory = None if output in (None, "-") else Path(str(output))
        if directory is not None:
            _prepare(directory)

        reporter.status("loading the model")
        from falvideo.labeling.batch import ErrorLog, Failure, label_sources
        from falvideo.labeling.pipeline import LabelOptions
        from falvideo.models.zoo import load_model

        options = LabelOptions(top_k, threshold, window, stride, start, end, batch_size)
        log = ErrorLog(directory) if directory is not None else None
        failures = [Failure.of(error, error.uri or "") for error in errors]
        for failure in failures:
            _report_failure(reporter, log, failure)
        if found:
            classifier = load_model(model, device=device)
            _check_window(classifier, options)
            printer = _Printer(chosen[0], several=len(found) > 1) if output == "-" else None
            reporter.begin([source.uri for source in found])
            outcomes = label_sources(
                found,
                classifier,
                options,
                directory=directory,
                formats=chosen,
                overwrite=overwrite,
                on_progress=reporter.progress,
            )
            for source, outcome in outcomes:
                if isinstance(outcome, Failure):
                    failures.append(outcome)
                    reporter.finished(source.uri, None)
                    _report_failure(reporter, log, outcome)
                    continue
                reporter.finished(source.uri, outcome)
                _show(outcome, reporter, printer, table=output is None)
        if log is not None:
            log.close()
        reporter.end(len(found) + len(errors), len(failures))
    if failures:
        raise typer.Exit(1)


def _check_window(classifier: object, options: object) -> None:
    """A stride that does not fit the model's window is a usage error, not a failure of every file."""
    from falvideo.labeling.pipeline import LabelOptions
    from falvideo.labeling.windows import WindowPlan
    from falvideo.models.zoo import VideoClassifier

    assert isinstance(classifier, VideoClassifier)
    assert isinstance(options, LabelOptions)
    WindowPlan.make(classifier.num_frames, classifier.frame_rate, options.window, options.stride)


def _prepare(directory: Path) -> None:
    """Make the output folder and see that it can be written to, before any work is done."""
    if directory.exists() and not directory.is_dir():
        raise UsageError(f"-o {directory} is a file", remedy="give a folder")
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"folder {directory} cannot be made ({error.strerror})", uri=str(directory)) from error
    if not os.access(directory, os.W_OK | os.X_OK):
        raise OutputError(f"folder {directory} is not writable", uri=str(directory))


def _report_failure(reporter: Reporter, log: ErrorLog | None, failure: Failure) -> None:
    reporter.error(str(failure))
    if log is not None:
        try:
            log.add(failure)
        except FalError as error:  # a full disk: the terminal still has it
            reporter.error(str(error))


def _show(result: LabelResult, reporter: Reporter, printer: _Printer | None, *, table: bool) -> None:
    for warning in result.warnings:
        reporter.warning(f"{result.source.uri}: {warning}")
    if printer is not None:
        printer.write(result)
    elif table:
        from falvideo.cli.table import print_result

        reporter.pause()
        print_result(result)


class _Printer:
    """Results on standard output, for pipes.

    One video: the format's own document. Several: JSON documents one a line, and one header line for tables.
    """

    def __init__(self, format: str, *, several: bool) -> None:
        self._format = format
        self._several = several
        self._first = True

    def write(self, result: LabelResult) -> None:
        from falvideo.exports import render

        text = render(result, self._format)
        if self._several and self._format == "json":
            text = json.dumps(json.loads(text)) + "\n"
        if self._format in ("csv", "tsv") and not self._first:
            text = text.split("\n", 1)[1]
        self._first = False
        # Bytes: the formats' own line ends, and UTF-8 whatever the terminal's encoding is.
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
