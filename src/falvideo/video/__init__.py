"""Videos, opened safely and read by time.

    with open_video("clip.mp4") as video:
        for batch in video.frames_at_rate(8, height=224, width=224):
            ...                       # batch.frames (N, 224, 224, 3) uint8, upright

``guard`` says what may be opened, ``sampling`` which frame is on display when, a backend decodes.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from falvideo.errors import UsageError
from falvideo.records import VideoInfo
from falvideo.video.guard import DEFAULT_LIMITS, Limits
from falvideo.video.pyav import PyAVReader
from falvideo.video.reader import VideoReader

BACKENDS: dict[str, Callable[[str | os.PathLike[str], Limits], VideoReader]] = {
    "pyav": PyAVReader,
}
"""Readers by name. Each takes a path and the limits, and raises SourceError subclasses."""

__all__ = ["BACKENDS", "Limits", "VideoReader", "open_video", "probe"]


def open_video(
    source: str | os.PathLike[str], *, backend: str = "pyav", limits: Limits = DEFAULT_LIMITS
) -> VideoReader:
    """Open a video file and decode its first frame; a context manager.

    Args:
        source: path of a regular file; never an address.
        backend: a key of ``BACKENDS``.
        limits: caps on what is read.

    Raises:
        UsageError: an unknown backend.
        SourceError: the subclass says what is wrong with the file.
    """
    if backend not in BACKENDS:
        raise UsageError(f"unknown video backend {backend!r}", remedy=f"use one of: {', '.join(sorted(BACKENDS))}")
    return BACKENDS[backend](source, limits)


def probe(source: str | os.PathLike[str], *, limits: Limits = DEFAULT_LIMITS) -> VideoInfo:
    """What a video file says of itself, having decoded one frame of it.

    Raises:
        SourceError: as ``open_video``.
    """
    with open_video(source, limits=limits) as video:
        return video.info
