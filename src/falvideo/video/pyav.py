"""Reading with PyAV, which brings its own FFmpeg: the default backend, with nothing else to install."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from types import TracebackType
from typing import cast

import numpy as np
import numpy.typing as npt
from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from falvideo.errors import NoFramesError, TimeRangeError, UsageError
from falvideo.records import FrameBatch, UInt8Array, VideoInfo
from falvideo.video import upright
from falvideo.video.decoding import Notes, Pass
from falvideo.video.guard import Limits
from falvideo.video.sampling import EPSILON, FrameClock, grid_times
from falvideo.video.skipping import needed_at, needed_on_grid
from falvideo.video.track import FFMPEG_ERRORS, reason_of
from falvideo.video.upright import UPRIGHT, Orientation

# The filter for resizing, measured on 1280x720 fine stripes moving by fractions of a pixel (one thread, ms a
# frame, and what is left of the stripes' contrast as false patterns, out of 50):
#
#                    96x96          398x224         640x360
#   FAST_BILINEAR    0.13, 22.9     0.46, 24.7      1.2, 15.1
#   AREA             0.25,  0.1     1.00,  0.4      1.2, 11.5
#   BILINEAR         0.59,  0.0     1.01,  0.2      1.4,  0.6
#   BICUBIC          0.63,  0.0     1.77,  0.3      2.1,  0.7
#
# FAST_BILINEAR reads single pixels whatever the ratio, so fine texture turns into shimmer that a model of
# motion takes for motion. BILINEAR widens its triangle to the ratio; only the frames asked for pay for it.
_FILTER = Interpolation.BILINEAR

_SKIP_FROM = 2.0  # seconds of video before a start, from which skipping is worth a second opening


class PyAVReader:
    """A video read with PyAV; the contract is ``reader.VideoReader``.

    Args:
        source: path of a regular file.
        limits: caps on what is read.

    Raises:
        SourceError: the subclass says what is wrong with the file.
    """

    def __init__(self, source: str | os.PathLike[str], limits: Limits) -> None:
        """Open and decode the first frame."""
        self._source = source
        self._limits = limits
        self._notes: Notes = {}
        self._current: Pass | None = Pass(source, limits)
        self._unused = True  # whether the current pass still has its first frame to give
        try:
            varies = self._current.variable_rate()
            self._current.begin()
            self._orientation = self._read_orientation(self._current.first)
            self.info = self._read_info(self._current, varies)
        except BaseException:
            self.close()
            raise
        self._name = self._current.track.name
        self._clock: FrameClock = self._current.clock

    def frames_at_rate(
        self,
        rate: float,
        *,
        height: int,
        width: int,
        start: float | None = None,
        end: float | None = None,
        batch_size: int = 32,
    ) -> Iterator[FrameBatch]:
        """Frames on display at ``t0 + k / rate``: see ``VideoReader.frames_at_rate``."""
        self._check_size(height, width)
        if not (math.isfinite(rate) and rate > 0):
            raise UsageError(f"rate must be positive, got {rate}")
        if batch_size < 1:
            raise UsageError(f"batch_size must be positive, got {batch_size}")
        self._check_range(start, end)
        return self._grid(rate, (height, width), start, end, batch_size)

    def get_frames_played_at(self, seconds: Sequence[float], *, height: int, width: int) -> FrameBatch:
        """Frames on display at given ascending times: see ``VideoReader.get_frames_played_at``."""
        self._check_size(height, width)
        times = np.asarray(seconds, dtype=np.float64)
        if times.ndim != 1 or not np.isfinite(times).all() or (np.diff(times) < 0).any():
            raise UsageError("the times must be finite and ascend")
        if len(times) == 0:
            return _batch([], height, width)
        if times[0] < self.info.start_time - EPSILON:
            raise self._outside(f"there is no frame at {times[0]:.3f} s")
        pass_ = self._new_pass(float(times[0]))
        pass_.only(needed_at(times.tolist()))
        picked = list(self._pick(pass_, iter(times.tolist()), height, width))
        if len(picked) < len(times):
            raise self._outside(f"there is no frame at {times[len(picked)]:.3f} s", pass_.clock.end_time)
        return _batch(picked, height, width)

    @property
    def end_time(self) -> float:
        """End of the last frame decoded, seconds."""
        return self._clock.end_time

    def frame_numbers_at(self, seconds: Sequence[float] | npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """Number of the frame on display at each time: see ``VideoReader.frame_numbers_at``."""
        try:
            return self._clock.numbers_at(seconds)
        except ValueError as error:
            raise TimeRangeError(f"{self._name}: {error}", remedy="ask for later times") from error

    @property
    def variable_rate(self) -> bool:
        """Whether the frames decoded so far are unevenly spaced."""
        return self._clock.variable_rate

    @property
    def warnings(self) -> list[str]:
        """One line each on what was odd; grows while decoding."""
        return list({**self._notes, **(self._current.notes if self._current is not None else {})}.values())

    def close(self) -> None:
        """Let go of the file."""
        if self._current is not None:
            self._notes.update(self._current.notes)
            self._current.close()
            self._current = None

    def __enter__(self) -> PyAVReader:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def _grid(
        self,
        rate: float,
        size: tuple[int, int],
        start: float | None,
        end: float | None,
        batch_size: int,
    ) -> Iterator[FrameBatch]:
        pass_ = self._new_pass(start)
        clock = pass_.clock
        t0 = self.info.start_time if start is None else max(start, self.info.start_time)
        pass_.only(needed_on_grid(t0, rate))
        picked = self._pick(pass_, grid_times(t0, rate, end), *size)
        empty = True
        while batch := list(islice(picked, batch_size)):
            empty = False
            yield _batch(batch, *size)
        if empty:
            raise self._outside(f"start {t0:g} s is not before the end", clock.end_time)
        if end is not None and clock.last_time < end - EPSILON:
            for time, _ in pass_:
                if time >= end - EPSILON:
                    break

    def _pick(
        self, pass_: Pass, times: Iterator[float], height: int, width: int
    ) -> Iterator[tuple[float, int, UInt8Array]]:
        """For each ascending time the frame on display, with its number; each frame is converted once."""
        clock = pass_.clock
        wanted = next(times, None)
        held: VideoFrame | None = None
        number = 0
        picture: UInt8Array | None = None
        convert = _Converter(self._orientation, height, width, self._name)

        def until(limit: float) -> Iterator[tuple[float, int, UInt8Array]]:
            nonlocal wanted, picture
            while wanted is not None and held is not None and wanted < limit - EPSILON:
                if picture is None:
                    picture = convert(held)
                yield wanted, number, picture
                wanted = next(times, None)

        for time, frame in pass_:
            yield from until(time)  # the frame before this one was on display until now
            if wanted is None:
                return
            # A frame that was not needed comes as None. Should it be on display longer than foreseen, as
            # the one after it turned out to be damaged, the one before it stands in.
            if frame is not None:
                held, number, picture = frame, clock.first_number + len(clock) - 1, None
        if clock.complete:
            yield from until(clock.end_time)

    def _new_pass(self, start: float | None) -> Pass:
        """A pass from the beginning or from a key frame before ``start``; the one before it ends."""
        if self._current is None:
            raise ValueError("the video is closed")
        skip = start is not None and start > self.info.start_time + _SKIP_FROM
        if not (self._unused and not skip):
            self.close()
            self._current = self._open_pass(start if skip else None)
        self._unused = False
        if not (self._clock.complete and self._clock.first_number == 0):
            self._clock = self._current.clock  # the most that is known of the file
        return self._current

    def _open_pass(self, start: float | None) -> Pass:
        if start is not None:
            pass_ = Pass(self._source, self._limits)
            with contextlib.suppress(NoFramesError):  # then from the beginning, where there is a frame
                if pass_.begin_before(start, self.info.start_time):
                    return pass_
            pass_.close()
        pass_ = Pass(self._source, self._limits)
        pass_.begin()
        return pass_

    def _read_orientation(self, frame: VideoFrame) -> Orientation:
        degrees = -frame.rotation  # FFmpeg counts anticlockwise
        matrix = _display_matrix(frame)
        found = upright.from_matrix(matrix) if matrix else upright.from_degrees(degrees)
        if found is None:
            what = "a garbage value" if abs(degrees) > 360 else f"{degrees % 360} degrees"
            self._notes["rotation"] = f"rotation ignored: {what}, which is not a quarter turn"
            return UPRIGHT
        return found

    def _read_info(self, pass_: Pass, varies: bool | None) -> VideoInfo:
        track, first = pass_.track, pass_.first
        height, width = self._orientation.size(first.height, first.width)
        return VideoInfo(
            uri=track.uri,
            container=track.format,
            codec=track.codec,
            pixel_format=first.format.name,
            width=width,
            height=height,
            rotation=self._orientation.rotation,
            rate=track.rate,
            variable_rate=varies,
            start_time=pass_.clock.first_time,
            duration=track.duration[0],
            frames=track.stream.frames or None,
            has_audio=track.has_audio,
            warnings=tuple(self.warnings),
        )

    def _check_size(self, height: int, width: int) -> None:
        if height < 1 or width < 1:
            raise UsageError(f"height and width must be positive, got {height} and {width}")

    def _check_range(self, start: float | None, end: float | None) -> None:
        for label, value in (("start", start), ("end", end)):
            if value is not None and not math.isfinite(value):
                raise self._outside(f"{label} must be a number of seconds, got {value}")
        if end is not None and end <= (self.info.start_time if start is None else start) + EPSILON:
            after = "the beginning of the video" if start is None else f"start {start:g} s"
            raise self._outside(f"end {end:g} s is not after {after}")
        if end is not None and end <= self.info.start_time + EPSILON:
            raise self._outside(f"end {end:g} s is not after the first frame")

    def _outside(self, what: str, known_end: float | None = None) -> TimeRangeError:
        begin = self.info.start_time
        if known_end is None and self._clock.complete:
            known_end = self._clock.end_time
        if known_end is None and self.info.duration is not None:
            known_end = begin + self.info.duration
        span = f"from {begin:.3f} s on" if known_end is None else f"from {begin:.3f} s to {known_end:.3f} s"
        lasts = "" if known_end is None else f" (it lasts {known_end - begin:.3f} s)"
        return TimeRangeError(f"{self._name}: {what}{lasts}", remedy=f"give times {span}", uri=self.info.uri)


class _Converter:
    """Decoded frames to upright RGB of one size, in one step, so that no large copy is ever made."""

    def __init__(self, orientation: Orientation, height: int, width: int, name: str) -> None:
        self._orientation = orientation
        self._height, self._width = orientation.size(height, width)
        self._reformatter = VideoReformatter()  # keeps its tables from frame to frame
        self._name = name

    def __call__(self, frame: VideoFrame) -> UInt8Array:
        # The colour matrix and range are the frame's own; where it has none FFmpeg's default, BT.601 limited.
        try:
            small = self._reformatter.reformat(
                frame, width=self._width, height=self._height, format="rgb24", interpolation=_FILTER
            )
        except FFMPEG_ERRORS as error:
            raise NoFramesError(
                f"{self._name}: frames of pixel format {frame.format.name} cannot be converted ({reason_of(error)})"
            ) from error
        return self._orientation.apply(cast(UInt8Array, small.to_ndarray()))


def _display_matrix(frame: VideoFrame) -> tuple[int, ...] | None:
    """The nine numbers of the display matrix, ``None`` without one."""
    try:
        found = [data for data in cast(Iterable[object], frame.side_data) if _type(data) is _MATRIX]
    except ValueError:  # side data of a kind that PyAV does not know; the angle is still there
        return None
    if not found:
        return None
    return tuple(np.frombuffer(cast(bytes, found[0]), dtype=np.int32)[:9].tolist())


_MATRIX = SideDataType.DISPLAYMATRIX


def _type(data: object) -> object:
    return getattr(data, "type", None)


def _batch(picked: list[tuple[float, int, UInt8Array]], height: int, width: int) -> FrameBatch:
    frames = np.empty((len(picked), height, width, 3), dtype=np.uint8)
    for k, (_, _, picture) in enumerate(picked):
        frames[k] = picture
    return FrameBatch(
        frames=frames,
        times=np.array([time for time, _, _ in picked], dtype=np.float64),
        frame_numbers=np.array([number for _, number, _ in picked], dtype=np.int64),
    )
