"""Which frame is on display when: pure arithmetic on times, no decoding.

A frame is on display from its own time until the next frame's; the last one until its end. Times are float
seconds. A frame's time is an integer number of ticks and a grid time is ``t0 + k / rate``, so the two can
disagree in the last bits where they mean the same instant (0.04 s is tick 1 at 25 frames a second and
``0 + 1 / 25.0``). ``EPSILON`` settles such ties for the frame that begins there; it is far below the
shortest frame (about 1 ms) and far above float error (1e-9 s after a year).
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import numpy.typing as npt

EPSILON = 1e-6
"""Seconds by which a frame may begin after the time asked for and still be the one on display."""

_JITTER = 2.1e-3
"""Seconds: gaps that differ by less are a steady rate written with millisecond timestamps."""


def grid_time(t0: float, rate: float, k: int) -> float:
    """Time of grid point ``k``, seconds; computed afresh, so that no error accumulates."""
    return t0 + k / rate


def grid_times(t0: float, rate: float, end: float | None = None) -> Iterator[float]:
    """Times ``t0 + k / rate`` for k = 0, 1, ..., before ``end`` (endless without one)."""
    k = 0
    while True:
        time = grid_time(t0, rate, k)
        if end is not None and time >= end - EPSILON:
            return
        yield time
        k += 1


def on_display(starts: npt.ArrayLike, seconds: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Index of the frame on display at each time.

    Args:
        starts: times at which the frames begin, ascending, ``(F,)`` seconds.
        seconds: times asked for, any order, ``(N,)`` seconds.

    Returns:
        ``(N,)``; -1 before the first frame, F - 1 from the last frame's time on.
    """
    wanted = np.asarray(seconds, dtype=np.float64) + EPSILON
    return np.searchsorted(np.asarray(starts, dtype=np.float64), wanted, side="right").astype(np.int64) - 1


def is_variable(starts: npt.ArrayLike, tick: float) -> bool:
    """Whether frames beginning at ``starts`` (ascending seconds) are unevenly spaced.

    Args:
        starts: ``(F,)`` seconds.
        tick: the unit of the file's timestamps, seconds: rounding to it makes gaps differ by one tick
            at a steady rate, which does not count.
    """
    gaps = np.diff(np.asarray(starts, dtype=np.float64))
    if len(gaps) < 2:
        return False
    return bool(gaps.max() - gaps.min() > max(1.5 * tick, _JITTER))


class FrameClock:
    """Turns the timestamps of decoded frames, as they come, into the times at which frames begin.

    Ticks are whole numbers times ``time_base``; one exact division makes each float time. Keeps 8 bytes a
    frame.

    Args:
        time_base: seconds per tick.
        rate: frames per second that the file declares, if any: the length of a frame that has none.
        first_number: number of the first frame that will be placed.

    Attributes:
        first_number: as given.
        missing: frames that had no timestamp.
        backward: frames left out as their timestamps did not advance.
        complete: set by the owner once the last frame was placed.
    """

    def __init__(self, time_base: Fraction, rate: Fraction | None, first_number: int = 0) -> None:
        """Nothing placed yet."""
        self.first_number = first_number
        self.missing = 0
        self.backward = 0
        self.complete = False
        self._time_base = time_base
        self._rate = rate
        self._starts = array("d")
        self._last = 0  # ticks
        self._gap = 0  # ticks between the last two frames
        self._duration = 0  # ticks, the last frame's own; 0 unknown
        self._last_pts: int | None = None
        self._last_dts: int | None = None
        self._faulty_pts = 0
        self._faulty_dts = 0

    def place(self, pts: int | None, dts: int | None, duration: int) -> float | None:
        """Time at which a frame begins, seconds; ``None`` for one to leave out, as it goes backwards.

        Args:
            pts: presentation ticks.
            dts: decoding ticks, the fallback; after that, the end of the previous frame.
            duration: ticks; 0 when unknown.
        """
        ticks = self._best(pts, dts)
        if ticks is None:
            self.missing += 1
            ticks = self._last + max(1, self._length()) if self._starts else 0
        elif self._starts and ticks <= self._last:
            self.backward += 1
            return None
        if self._starts:
            self._gap = ticks - self._last
        self._last = ticks
        self._duration = max(0, duration)
        time = self.seconds(ticks)
        self._starts.append(time)
        return time

    def __len__(self) -> int:
        """Frames placed so far."""
        return len(self._starts)

    @property
    def starts(self) -> npt.NDArray[np.float64]:
        """Times at which the frames begin, a copy, ``(F,)`` seconds."""
        return np.array(self._starts, dtype=np.float64)

    @property
    def first_time(self) -> float:
        """Seconds; 0 before any frame."""
        return self._starts[0] if self._starts else 0.0

    @property
    def last_time(self) -> float:
        """When the last frame so far begins, seconds; minus infinity before any frame."""
        return self._starts[-1] if self._starts else -math.inf

    @property
    def end_time(self) -> float:
        """End of the last frame so far, seconds: by its own length, the declared rate or the previous gap."""
        if not self._starts:
            return 0.0
        return self.seconds(self._last + self._length())

    @property
    def variable_rate(self) -> bool:
        """Whether the frames so far are unevenly spaced."""
        return is_variable(self.starts, float(self._time_base))

    def numbers_at(self, seconds: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """0-based number of the frame on display at each time; one past the last at or after ``end_time``.

        Raises:
            ValueError: a time before the first frame placed.
        """
        wanted = np.asarray(seconds, dtype=np.float64)
        index = on_display(self._starts, wanted)
        if (index < 0).any():
            raise ValueError(f"no frame is on display before {self.first_time:.3f} s")
        index[wanted >= self.end_time - EPSILON] = len(self)
        return index + self.first_number

    def _best(self, pts: int | None, dts: int | None) -> int | None:
        """FFmpeg's own rule: the presentation ticks, unless they have gone backwards more often.

        AVI knows decoding times only, which for frames that come out in order are as good.
        """
        if dts is not None:
            self._faulty_dts += self._last_dts is not None and dts <= self._last_dts
            self._last_dts = dts
        elif pts is not None:
            self._last_dts = pts
        if pts is not None:
            self._faulty_pts += self._last_pts is not None and pts <= self._last_pts
            self._last_pts = pts
        elif dts is not None:
            self._last_pts = dts
        if pts is not None and (dts is None or self._faulty_pts <= self._faulty_dts):
            return pts
        return dts

    def _length(self) -> int:
        """Length of the last frame in ticks."""
        if self._duration:
            return self._duration
        if self._rate:
            return max(1, round(1 / (self._rate * self._time_base)))
        return self._gap

    def seconds(self, ticks: int) -> float:
        """Time of a tick."""
        # int / int is correctly rounded whatever the size: as exact as a Fraction, and much faster.
        return ticks * self._time_base.numerator / self._time_base.denominator
