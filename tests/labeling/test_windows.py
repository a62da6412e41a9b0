"""Cutting a grid of frames into windows: the plan, and the windows as they come while frames are read."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from falvideo.errors import UsageError
from falvideo.labeling.options import LabelOptions
from falvideo.labeling.pipeline import _windows
from falvideo.labeling.windows import WindowPlan, spread_times
from falvideo.records import FrameBatch

plans = st.integers(1, 9).flatmap(
    lambda frames: st.builds(WindowPlan, st.just(frames), st.sampled_from([1.0, 4.0, 7.5]), st.integers(1, frames))
)


def grid(length: int, plan: WindowPlan, batch_size: int) -> Iterator[FrameBatch]:
    """Frames of one pixel that hold their own number, in batches as a reader gives them."""
    for first in range(0, length, batch_size):
        n = np.arange(first, min(length, first + batch_size))
        pixels = np.repeat(n.astype(np.uint8)[:, None, None, None], 3, axis=3)
        yield FrameBatch(pixels, n / plan.rate, n)


@pytest.mark.parametrize("name", ["window", "stride"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_a_length_that_is_not_positive_is_refused_by_its_name(name: str, value: float) -> None:
    with pytest.raises(UsageError, match=f"--{name} "):
        WindowPlan.make(8, 4.0, **{name: value})
    with pytest.raises(UsageError, match=f"--{name} "):
        LabelOptions(**{name: value})


def test_a_stride_longer_than_the_window_is_refused() -> None:
    with pytest.raises(UsageError, match="longer than the window of 2 s"):
        WindowPlan.make(8, 4.0, stride=2.1)
    with pytest.raises(UsageError, match="longer than the window of 1 s"):
        LabelOptions(window=1.0, stride=1.5)
    LabelOptions(stride=1.5)  # whether it fits is not known before the model is


@pytest.mark.parametrize(
    "values",
    [
        {"top_k": 0},
        {"threshold": -0.1},
        {"threshold": 1.1},
        {"threshold": math.nan},
        {"batch_size": 0},
        {"start": math.nan},
        {"end": math.inf},
        {"start": 3.0, "end": 3.0},
        {"start": 3.0, "end": 2.0},
    ],
)
def test_options_that_cannot_work_are_refused_by_name(values: dict[str, float]) -> None:
    option = "--" + list(values)[-1].replace("_", "-")
    with pytest.raises(UsageError, match=option):
        LabelOptions(**values)  # type: ignore[arg-type]


def test_the_plan_of_seconds() -> None:
    plan = WindowPlan.make(8, 4.0)
    assert (plan.rate, plan.window, plan.step) == (4.0, 2.0, 4)
    plan = WindowPlan.make(8, 4.0, window=4.0, stride=1.0)
    assert (plan.rate, plan.window, plan.step) == (2.0, 4.0, 2)
    assert WindowPlan.make(8, 4.0, stride=0.01).step == 1  # never shorter than a grid frame
    assert WindowPlan.make(8, 4.0, stride=0.6).step == 2  # rounded to whole grid frames
    assert WindowPlan.make(8, 4.0, stride=2.0).step == 8
    assert WindowPlan.make(1, 4.0).step == 1


@given(plan=plans, length=st.integers(0, 60))
def test_windows_cover_every_frame_and_the_last_one_ends_with_the_last_frame(plan: WindowPlan, length: int) -> None:
    starts = plan.starts(length)
    if length < plan.num_frames:
        assert starts == []
        return
    assert starts == sorted(set(starts))
    assert starts[0] == 0
    assert starts[-1] + plan.num_frames == length
    assert {s + i for s in starts for i in range(plan.num_frames)} == set(range(length))
    assert all(b - a <= plan.step for a, b in itertools.pairwise(starts))


@given(plan=plans, length=st.integers(0, 60), batch_size=st.integers(1, 9), read=st.integers(1, 9))
def test_windows_while_reading_are_those_of_the_plan(plan: WindowPlan, length: int, batch_size: int, read: int) -> None:
    T = plan.num_frames
    seen: list[tuple[float, list[int]]] = []
    for frames, times in _windows(grid(length, plan, read), plan, batch_size):
        assert 1 <= len(frames) <= batch_size
        assert len(frames) == len(times)
        assert frames.shape[1:] == (T, 1, 1, 3)
        seen.extend(zip(times, frames[:, :, 0, 0, 0].tolist(), strict=True))
    assert seen == [(s / plan.rate, list(range(s, s + T))) for s in plan.starts(length)]


@given(plan=plans, batch_size=st.integers(1, 5))
def test_frames_held_do_not_grow_with_the_video(plan: WindowPlan, batch_size: int) -> None:
    T = plan.num_frames
    windows = _windows(grid(250, plan, T), plan, batch_size)
    most = 0
    for _ in windows:
        held = windows.gi_frame.f_locals["held"]  # type: ignore[attr-defined]
        most = max(most, len(held))
    assert most <= (batch_size - 1) * plan.step + 3 * T


def test_times_spread_over_a_short_video_stay_inside_of_it() -> None:
    assert spread_times(1.0, 3.0, 4).tolist() == [1.0, 1.5, 2.0, 2.5]
    assert spread_times(0.0, 0.04, 1).tolist() == [0.0]
