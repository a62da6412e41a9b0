"""What ``falvideo.label`` returns: a timeline that can save itself."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from falvideo.errors import OutputError
from falvideo.exports import EXPORTS, parse_formats, render, write_atomically
from falvideo.records import Timeline


@dataclass(frozen=True)
class LabelResult(Timeline):
    """A labelled video.

    Attributes:
        source: the video: uri, sha256, duration, rate, size.
        model: what labelled it.
        labels: of the whole clip, best first.
        segments: the timeline.
        warnings: one line each.
    """

    def save(
        self,
        directory: str | Path,
        formats: str | Iterable[str] = "json",
        *,
        name: str | None = None,
        overwrite: bool = True,
    ) -> list[Path]:
        """Write the result into a folder, one file a format.

        Args:
            directory: made when it is not there.
            formats: names from ``falvideo.exports.EXPORTS``, a list or ``"json,vtt"``.
            name: file name without the format's suffix; the source's whole file name when None
                (``clip.mp4`` gives ``clip.mp4.json``, so that ``clip.mov`` does not collide with it).
            overwrite: replace files that are there.

        Returns:
            The paths written.

        Raises:
            UnknownFormatError: no such format.
            OutputExistsError: it is there and ``overwrite`` is false.
            OutputError: it cannot be written; no half-written file is left, and no format without the others.
        """
        chosen = parse_formats(formats)
        folder = Path(directory)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"folder {folder} cannot be made ({error.strerror or error})", uri=str(folder)) from error
        stem = name or Path(self.source.uri).name
        texts = {folder / f"{stem}{EXPORTS[format].suffix}": render(self, format) for format in chosen}
        added: list[Path] = []
        try:
            for path, text in texts.items():
                new = not os.path.lexists(path)
                write_atomically(path, text, overwrite=overwrite)
                if new:
                    added.append(path)
        except BaseException:  # a full disk or Ctrl-C between two formats
            for path in added:
                path.unlink(missing_ok=True)
            raise
        return list(texts)
