"""One run of ``falvideo label``: what to do, in order. Results go to a table, standard output or a folder."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from falvideo.cli.progress import Reporter
from falvideo.errors import FalError, OutputError, UsageError
from falvideo.labeling.options import LabelOptions
from falvideo.labeling.sources import Source, expand
from falvideo.labeling.windows import WindowPlan

if TYPE_CHECKING:
    from falvideo.labeling.batch import ErrorLog, Failure
    from falvideo.labeling.result import LabelResult
    from falvideo.models.zoo import VideoClassifier


@dataclass(frozen=True)
class Job:
    """What the command line asked for.

    Attributes:
        sources: files, folders and patterns.
        recursive: look into the folders of a folder, too.
        model: what ``load_model`` takes.
        device: what ``load_model`` takes.
        options: how to label.
        formats: keys of ``EXPORTS``.
        output: a folder, ``"-"`` for standard output, ``None`` for a table.
        overwrite: replace results that are there.
    """

    sources: tuple[str, ...]
    recursive: bool
    model: str
    device: str
    options: LabelOptions
    formats: tuple[str, ...]
    output: str | None
    overwrite: bool


def run(job: Job, reporter: Reporter) -> int:
    """Label, and say how it goes; gives the number of failures.

    What can be wrong with the command is found before the seconds that loading a model takes.
    """
    found, errors = expand(job.sources, recursive=job.recursive)
    show = _output(job, found)
    directory = None if job.output in (None, "-") else Path(str(job.output))
    if directory is not None:
        _prepare(directory)

    reporter.status("loading the model")
    classifier = _load(job) if found else None
    from falvideo.labeling.batch import ErrorLog, Failure

    log = ErrorLog(directory) if directory is not None else None
    try:
        failures = _Failures(reporter, log)
        for error in errors:
            failures.add(Failure.of(error, error.uri or ""))
        if classifier is not None:
            _label(job, classifier, found, directory, reporter, failures, show)
    finally:
        if log is not None:
            log.close()
    reporter.end(len(found) + len(errors), failures.count)
    return failures.count


def _load(job: Job) -> VideoClassifier:
    """The model; what does not fit it is a usage error, not a failure of every file."""
    from falvideo.models.zoo import load_model

    classifier = load_model(job.model, device=job.device)
    WindowPlan.make(classifier.num_frames, classifier.frame_rate, job.options.window, job.options.stride)
    return classifier


def _label(
    job: Job,
    classifier: VideoClassifier,
    found: Sequence[Source],
    directory: Path | None,
    reporter: Reporter,
    failures: _Failures,
    show: Callable[[LabelResult], None] | None,
) -> None:
    """Label the files that were found."""
    from falvideo.labeling.batch import Failure, label_sources

    reporter.begin([source.uri for source in found], results=job.output is not None)
    outcomes = label_sources(
        found,
        classifier,
        job.options,
        directory=directory,
        formats=job.formats,
        overwrite=job.overwrite,
        on_progress=reporter.progress,
    )
    for source, outcome in outcomes:
        if isinstance(outcome, Failure):
            reporter.finished(source.uri, None)
            failures.add(outcome)
            continue
        reporter.finished(source.uri, outcome)
        for warning in outcome.warnings:
            reporter.warning(f"{source.uri}: {warning}")
        if show is not None:
            reporter.pause()
            _print(show, outcome)
            reporter.resume()


def _print(show: Callable[[LabelResult], None], result: LabelResult) -> None:
    try:
        show(result)
    except BrokenPipeError:
        raise
    except OSError as error:  # falvideo ... > file, on a full disk
        raise OutputError(
            f"standard output cannot be written ({error.strerror})", remedy="free some space, or write elsewhere"
        ) from error


def _output(job: Job, found: Sequence[Source]) -> Callable[[LabelResult], None] | None:
    """What puts a result on standard output; None where results go to a folder."""
    if job.output is None:
        return _Tables()
    if job.output != "-":
        return None
    format, several = job.formats[0], len(found) > 1
    if several and format in ("vtt", "srt"):
        raise UsageError(f"-o - takes one video with -f {format}, and there are {len(found)}", remedy="use -o DIR")
    return _Printer(format, several=several)


def _prepare(directory: Path) -> None:
    """Make the output folder and see that it can be written to, before any work is done.

    Raises:
        UsageError: it is a file.
        OutputError: it cannot be made, or not written to.
    """
    if directory.exists() and not directory.is_dir():
        raise UsageError(f"-o {directory} is a file", remedy="give a folder")
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"folder {directory} cannot be made ({error.strerror})", uri=str(directory)) from error
    if not os.access(directory, os.W_OK | os.X_OK):
        raise OutputError(f"folder {directory} is not writable", uri=str(directory))


class _Failures:
    """Says what failed, lists it in the output folder, and counts."""

    def __init__(self, reporter: Reporter, log: ErrorLog | None) -> None:
        self.count = 0
        self._reporter = reporter
        self._log = log
        self._log_failed = False

    def add(self, failure: Failure) -> None:
        self.count += 1
        self._reporter.error(str(failure))
        if self._log is not None:
            try:
                self._log.add(failure)
            except FalError as error:  # a full disk: the terminal still has it
                if not self._log_failed:
                    self._reporter.error(str(error))
                self._log_failed = True


class _Tables:
    """Tables on standard output, an empty line between two of them."""

    def __init__(self) -> None:
        self._first = True

    def __call__(self, result: LabelResult) -> None:
        from falvideo.cli.table import print_result

        if not self._first:
            print()
        self._first = False
        print_result(result)


class _Printer:
    """Results on standard output, for pipes.

    One video: the format's own document. Several: JSON documents one a line, and one header line for tables.
    """

    def __init__(self, format: str, *, several: bool) -> None:
        self._format = format
        self._several = several
        self._first = True

    def __call__(self, result: LabelResult) -> None:
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
