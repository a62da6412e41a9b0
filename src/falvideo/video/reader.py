"""What every reader of videos offers; ``tests/video/test_contract.py`` checks it for each backend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Protocol

import numpy as np
import numpy.typing as npt

from falvideo.records import FrameBatch, VideoInfo


class VideoReader(Protocol):
    """One open video. A context manager.

    For one thread and one pass at a time: asking for frames anew ends the iterator before it, which
    raises ValueError where it is still used.

    Attributes:
        info: what the file says of itself.
    """

    info: VideoInfo

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
        """Frames on display at ``t0 + k / rate`` for k = 0, 1, ..., in one decoding pass, in bounded memory.

        ``t0`` is ``start``, or the first frame's time where that is later or ``start`` is not given. The
        grid goes on until ``end`` or the end of the last frame. Decoding goes on until ``end`` even where
        no grid point is left, so that ``frame_numbers_at(end)`` is known.

        Args:
            rate: grid points per second.
            height: of the frames returned, pixels.
            width: of the frames returned, pixels; the picture is squashed to fit.
            start: seconds on the file's own clock.
            end: seconds, exclusive.
            batch_size: frames per batch; the last one may have fewer.

        Raises:
            UsageError: a rate, size or batch size that is not positive.
            TimeRangeError: ``start`` not before the end of the video, ``end`` not after ``start`` or not
                after the beginning of the video.
            NoFramesError, SourceLimitError: found while decoding.
        """
        ...

    def get_frames_played_at(self, seconds: Sequence[float], *, height: int, width: int) -> FrameBatch:
        """Frames on display at given times, ascending.

        Raises:
            UsageError: times that do not ascend, or a size that is not positive.
            TimeRangeError: a time before the first frame, or at or after the end of the last.
        """
        ...

    @property
    def end_time(self) -> float:
        """End of the last frame decoded, seconds; of the whole video once a pass reached its end."""
        ...

    def frame_numbers_at(self, seconds: Sequence[float] | npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """0-based number, in presentation order, of the frame on display at each time.

        At and after ``end_time``: the number of frames, so that half-open ranges work. Known for the
        stretch decoded by the last pass.

        Raises:
            TimeRangeError: a time before that stretch.
        """
        ...

    @property
    def variable_rate(self) -> bool:
        """Whether the frames decoded so far are unevenly spaced, by their timestamps."""
        ...

    @property
    def warnings(self) -> list[str]:
        """One line each on what was odd; grows while decoding."""
        ...

    def close(self) -> None:
        """Let go of the file; iterators still in use raise ValueError."""
        ...

    def __enter__(self) -> VideoReader:
        """Itself."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        ...
