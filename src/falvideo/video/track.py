"""An open container and its video track: opened safely, and what it says of itself."""

from __future__ import annotations

import contextlib
import os
from fractions import Fraction
from io import FileIO
from typing import Any

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from falvideo.errors import NoFramesError, NoVideoStreamError
from falvideo.video import guard
from falvideo.video.guard import Limits

# FFmpeg's log: PyAV installs a handler that drops every message when it is imported, for all threads, so
# nothing reaches stderr and nothing is set here; an application that asked for the log keeps it.

_READ_BYTES = 256 * 1024  # per call into Python; the default of 32 KiB costs time on large files
_GENPTS = 1  # AVFMT_FLAG_GENPTS

FFMPEG_ERRORS = (av.FFmpegError, OSError, ValueError)  # ValueError: PyAV knows the stream but not its codec


def reason_of(error: BaseException) -> str:
    """A few words on why FFmpeg or the system gave up."""
    text = getattr(error, "strerror", None) or type(error).__name__
    return str(text)[:80].lower()


class Track:
    """An open container and the stream of it that is the video.

    Raises:
        SourceError: the subclass says what is wrong with the file.
    """

    def __init__(self, source: str | os.PathLike[str], limits: Limits) -> None:
        """Open the container and choose the stream."""
        self._file, self.uri = guard.open_regular(source)
        self.name = guard.shown(self.uri)
        try:
            self.container = self._open(self._file, limits)
            try:
                self.stream = self._choose()
                self._prepare(limits)
            except BaseException:
                self.container.close()
                raise
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self.container.close()
        self._file.close()

    @property
    def time_base(self) -> Fraction:
        """Seconds per tick."""
        return self.stream.time_base or Fraction(1, av.time_base)

    @property
    def format(self) -> str:
        """FFmpeg's name of the container format."""
        return self.container.format.name

    @property
    def codec(self) -> str:
        """FFmpeg's name of the codec (not of the decoder: ``av1``, not ``libdav1d``)."""
        return self.stream.codec_context.codec.canonical_name

    @property
    def rate(self) -> Fraction | None:
        """Average frames per second, ``None`` where what the file says makes no sense."""
        for rate in (self.stream.average_rate, self.stream.guessed_rate):
            if rate is not None and 0 < rate <= 1000:  # 90000 is the clock of the container, not a rate
                return rate
        return None

    @property
    def duration(self) -> tuple[float | None, bool]:
        """Seconds that the file declares, and whether that is of the video alone (not of the sound, too)."""
        if self.stream.duration and self.stream.duration > 0:
            return float(self.stream.duration * self.time_base), True
        tag = _clock_seconds(self.stream.metadata.get("DURATION", ""))  # Matroska, per track
        if tag:
            return tag, True
        total = self.container.duration
        if total and total > 0:
            return total / av.time_base, not self.has_audio
        return None, False

    @property
    def has_audio(self) -> bool:
        """Whether there is a sound track."""
        return len(self.container.streams.audio) > 0

    def _open(self, file: FileIO, limits: Limits) -> InputContainer:
        head = file.read(16)
        file.seek(0)
        try:
            # An open file, so that no name is ever taken for an address; and whatever the container names
            # inside is refused. The cap on pixels here holds while FFmpeg looks for the streams.
            container = av.open(
                file,
                "r",
                options={**guard.OPTIONS, "max_pixels": _decoder_cap(limits)},
                metadata_errors="ignore",  # titles in unknown encodings are common
                buffer_size=_READ_BYTES,
                io_open=_refuse,
            )
            # PyAV asks FFmpeg to make up missing presentation times, which come out in the wrong order
            # for AVI with B-frames; FFmpeg by itself does not, and FrameClock has its rule for them.
            container.flags &= ~_GENPTS
            return container
        except FFMPEG_ERRORS as error:
            raise guard.not_opened(head, self.name, self.uri, reason_of(error)) from error

    def _declared_size(self) -> tuple[int, int]:
        """(width, height) that the container says, where FFmpeg found it over the cap and forgot it.

        No decoder is allowed this time, so that nothing of that size is made.
        """
        with guard.open_regular(self.uri)[0] as file, contextlib.suppress(*FFMPEG_ERRORS):
            options = {**guard.OPTIONS, "codec_whitelist": "none"}
            with av.open(file, "r", options=options, metadata_errors="ignore", io_open=_refuse) as container:
                stream = container.streams[self.stream.index]
                if isinstance(stream, VideoStream):
                    return stream.codec_context.width, stream.codec_context.height
        return 0, 0

    def _choose(self) -> VideoStream:
        videos = list(self.container.streams.video)
        pictures = [s for s in videos if s.disposition & Disposition.attached_pic]
        tracks = [s for s in videos if s not in pictures]
        if not tracks:
            if pictures:
                what = "has a cover picture but no video track"
            elif self.has_audio:
                what = "has sound but no video track"
            else:
                what = "has no video track"
            raise NoVideoStreamError(f"{self.name}: {what}", uri=self.uri)
        best = self.container.streams.best("video")
        default = [s for s in tracks if s.disposition & Disposition.default]
        return next((s for s in tracks if best is not None and s.index == best.index), (default or tracks)[0])

    def _prepare(self, limits: Limits) -> None:
        context = self.stream.codec_context
        if context is None:  # what PyAV gives where FFmpeg has no decoder, whatever its type stub says
            raise NoFramesError(f"{self.name}: no decoder for its codec", remedy="convert it to H.264", uri=self.uri)
        width, height = context.width, context.height
        if not (width and height):
            width, height = self._declared_size()
        limits.check_pixels(self.name, width, height)
        limits.check_duration(self.name, self.duration[0] or 0.0)
        limits.check_frames(self.name, self.stream.frames)
        context.options = {"max_pixels": _decoder_cap(limits)}  # ignored when given at opening
        context.thread_type = "FRAME"  # twice as fast as slices
        context.thread_count = max(2, min(os.cpu_count() or 2, 8))


def _decoder_cap(limits: Limits) -> str:
    """FFmpeg's ``max_pixels``: it counts the padding of its buffers, so ours is checked again, exactly."""
    return str(limits.max_pixels + limits.max_pixels // 4 + 2**16)


def _refuse(*_: Any) -> Any:
    """FFmpeg asks for another file or address, which the container names."""
    raise PermissionError("a video may not open other files")


def _clock_seconds(text: str) -> float | None:
    """``"01:02:03.5"`` as seconds; ``None`` for anything else."""
    parts = text.split(":")
    try:
        hours, minutes, seconds = (float(p) for p in parts)
    except ValueError:
        return None
    return hours * 3600 + minutes * 60 + seconds
