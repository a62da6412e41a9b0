"""Which frames make which window: pure arithmetic on a grid of frames.

Frames are sampled once, on one grid of ``num_frames / window`` a second; every window is a slice of that grid, so
overlapping windows share their frames and the file is decoded once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from falvideo.errors import UsageError
from falvideo.records import TimeArray

# Frames a second; more than any video worth labelling has, so that a slip in --window does not run for ever.
MAX_RATE = 240.0


@dataclass(frozen=True)
class WindowPlan:
    """How a video is cut into windows.

    Attributes:
        num_frames: T, frames of a window.
        rate: grid frames per second.
        step: grid frames between the starts of two windows.
    """

    num_frames: int
    rate: float
    step: int

    @property
    def window(self) -> float:
        """Seconds that a window covers."""
        return self.num_frames / self.rate

    @classmethod
    def make(
        cls, num_frames: int, frame_rate: float, window: float | None = None, stride: float | None = None
    ) -> WindowPlan:
        """A plan from seconds.

        Args:
            num_frames: of a window.
            frame_rate: frames per second that the model was trained at.
            window: seconds that a window covers; ``num_frames / frame_rate`` when None.
            stride: seconds between the starts of two windows, rounded to whole grid frames; half a window when None.

        Raises:
            UsageError: a window or stride that is not a positive number, a stride longer than the window, or a
                window so short that frames would be sampled at more than ``MAX_RATE``.
        """
        check_seconds("window", window)
        check_seconds("stride", stride)
        rate = frame_rate if window is None else num_frames / window
        if rate > MAX_RATE:
            raise UsageError(
                f"--window {window or num_frames / rate:g} would need {rate:g} frames a second",
                remedy=f"use at least {num_frames / MAX_RATE:g} s with this model",
            )
        length = num_frames / rate
        if stride is not None and stride > length + 1e-9:
            raise UsageError(
                f"--stride {stride:g} is longer than the window of {length:g} s, parts of the video would be skipped",
                remedy=f"use at most {length:g}, or a longer --window",
            )
        step = max(1, num_frames // 2) if stride is None else max(1, round(stride * rate))
        return cls(num_frames, rate, min(step, num_frames))

    def starts(self, grid_frames: int) -> list[int]:
        """First grid frame of every window over ``grid_frames`` frames, the last one flush with the end."""
        if grid_frames < self.num_frames:
            return []
        starts = list(range(0, grid_frames - self.num_frames + 1, self.step))
        if starts[-1] + self.num_frames < grid_frames:
            starts.append(grid_frames - self.num_frames)
        return starts


def check_seconds(name: str, value: float | None) -> None:
    """Refuse what is not a length of time.

    Raises:
        UsageError: naming the option.
    """
    if value is not None and not (math.isfinite(value) and value > 0):
        raise UsageError(f"--{name} {value:g} is not a positive number of seconds", remedy="give seconds, e.g. 2")


def spread_times(start: float, end: float, count: int) -> TimeArray:
    """``count`` times spread evenly over ``[start, end)``, for a video shorter than a window."""
    return start + (end - start) * np.arange(count) / count
