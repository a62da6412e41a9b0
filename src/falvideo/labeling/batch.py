"""Many videos, one after the other: what fails is recorded and the rest goes on."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from falvideo.errors import FalError, OutputError, OutputExistsError
from falvideo.exports import EXPORTS
from falvideo.labeling.options import LabelOptions
from falvideo.labeling.pipeline import Progress, label_video
from falvideo.labeling.result import LabelResult
from falvideo.labeling.sources import Source

if TYPE_CHECKING:
    from falvideo.models.zoo import VideoClassifier

ERRORS_FILE = "errors.jsonl"


@dataclass(frozen=True)
class Failure:
    """Why one input has no result; a line of ``errors.jsonl``."""

    uri: str
    error: str
    message: str
    remedy: str

    @classmethod
    def of(cls, error: FalError, uri: str) -> Failure:
        """From a deliberate error."""
        return cls(uri, type(error).__name__, _one_line(error.message), _one_line(error.remedy))

    def __str__(self) -> str:
        return f"{self.message}: {self.remedy}" if self.remedy else self.message


def _one_line(text: str) -> str:
    return " ".join(text.split())


def label_sources(
    sources: Iterable[Source],
    classifier: VideoClassifier,
    options: LabelOptions,
    *,
    directory: Path | None = None,
    formats: tuple[str, ...] = ("json",),
    overwrite: bool = False,
    on_progress: Progress | None = None,
) -> Iterator[tuple[Source, LabelResult | Failure]]:
    """Label files in order, writing each one's results before the next is begun.

    Args:
        sources: from :func:`falvideo.labeling.sources.expand`.
        classifier: a loaded model.
        options: how to label.
        directory: where results go; nothing is written when None.
        formats: keys of ``EXPORTS``.
        overwrite: replace results that are there; otherwise such a file fails before it is decoded.
        on_progress: see :func:`falvideo.labeling.pipeline.label`.

    Yields:
        Each source with its result, or with the failure.
    """
    for source in sources:
        try:
            if directory is not None:
                _look_ahead(directory / source.output, source, formats, overwrite=overwrite)
            result = label_video(source.uri, classifier, options, on_progress)
            if directory is not None:
                place = directory / source.output
                result.save(place.parent, formats, name=place.name, overwrite=overwrite)
        except FalError as error:
            yield source, Failure.of(error, source.uri)
        except Exception as error:  # noqa: BLE001  a fault of ours in one file must not end a run over thousands
            yield source, _unexpected(error, source.uri)
        else:
            yield source, result


def _unexpected(error: Exception, uri: str) -> Failure:
    # torch has a class of its own, which is a RuntimeError.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return Failure(uri, "OutOfMemoryError", f"{uri}: memory ran out", "give a smaller --batch-size")
    message = f"{uri}: unexpected {type(error).__name__} ({_one_line(str(error))[:200]})"
    return Failure(uri, "UnexpectedError", message, "please report this, with the file if you can")


def _look_ahead(place: Path, source: Source, formats: tuple[str, ...], *, overwrite: bool) -> None:
    """Find before a file is decoded that its results could not be written."""
    folder = place.parent
    if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"folder {folder} is not writable", uri=source.uri)
    for format in formats:
        path = folder / f"{place.name}{EXPORTS[format].suffix}"
        # A broken link is something, too; what may not be looked at is left to the writer's own message.
        if not overwrite and os.path.lexists(path):
            raise OutputExistsError(f"{path} is already there", uri=source.uri)


class ErrorLog:
    """``errors.jsonl`` of an output folder: the failures of the latest run, there only when there are any."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / ERRORS_FILE
        self._file: TextIO | None = None
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{self._path} cannot be replaced ({error.strerror})", uri=str(self._path)) from error

    def add(self, failure: Failure) -> None:
        """Append one failure, at once on disk.

        Raises:
            OutputError: it cannot be written.
        """
        try:
            if self._file is None:
                self._file = self._path.open("w", encoding="utf-8")
            self._file.write(json.dumps(asdict(failure)) + "\n")
            self._file.flush()
        except OSError as error:
            raise OutputError(f"{self._path} cannot be written ({error.strerror})", uri=str(self._path)) from error

    def close(self) -> None:
        """Close the file; never fails, what matters has been flushed."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
