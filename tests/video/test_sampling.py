"""The arithmetic of frames on display, against a plain restatement of the rule."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from falvideo.video.sampling import EPSILON, FrameClock, grid_time, grid_times, is_variable, on_display

BASES = st.sampled_from([Fraction(1, 1000), Fraction(1, 90000), Fraction(1, 25), Fraction(1001, 30000)])
GAPS = st.lists(st.integers(1, 5000), min_size=1, max_size=50)


def clock_of(ticks: list[int], base: Fraction, last: int = 0, rate: Fraction | None = None) -> FrameClock:
    clock = FrameClock(base, rate)
    for k, tick in enumerate(ticks):
        clock.place(tick, None, last if k == len(ticks) - 1 else 0)
    return clock


@given(base=BASES, gaps=GAPS, start=st.integers(-10_000, 10**9), at=st.floats(0, 1))
def test_the_frame_on_display_is_the_last_that_has_begun(
    base: Fraction, gaps: list[int], start: int, at: float
) -> None:
    ticks = np.cumsum([start, *gaps]).tolist()
    clock = clock_of(ticks, base, last=10)
    t = clock.first_time + at * (clock.last_time - clock.first_time)
    number = int(clock.numbers_at([t])[0])
    begun = [k for k, tick in enumerate(ticks) if Fraction(tick) * base <= Fraction(t) + Fraction(EPSILON)]
    assert number == begun[-1]


@given(base=BASES, gaps=GAPS, start=st.integers(-10_000, 10**9))
def test_a_frame_is_on_display_at_its_own_time_and_the_end_is_one_past_the_last(
    base: Fraction, gaps: list[int], start: int
) -> None:
    ticks = np.cumsum([start, *gaps]).tolist()
    clock = clock_of(ticks, base, last=10)
    assert clock.numbers_at(clock.starts).tolist() == list(range(len(ticks)))
    assert clock.numbers_at([clock.end_time])[0] == len(ticks)
    assert clock.end_time == float((ticks[-1] + 10) * base)


@given(rate=st.integers(1, 120), k=st.integers(0, 10**6), first=st.integers(0, 10**6))
def test_a_grid_at_the_frame_rate_gives_every_frame_once(rate: int, k: int, first: int) -> None:
    start = float(Fraction(first + k, rate))
    t = grid_time(float(Fraction(first, rate)), rate, k)
    assert on_display([start - 1 / rate, start, start + 1 / rate], [t])[0] == 1


@given(rate=st.floats(0.1, 100), span=st.floats(0.01, 50), t0=st.floats(-1000, 1000))
def test_grid_times_end_before_the_end_and_do_not_drift(rate: float, span: float, t0: float) -> None:
    times = list(grid_times(t0, rate, t0 + span))
    assert all(t < t0 + span for t in times)
    assert times == [t0 + k / rate for k in range(len(times))]
    assert t0 + len(times) / rate >= t0 + span - EPSILON


@pytest.mark.parametrize("rate", [24, 25, 29.97, 30, 50, 60])
def test_rounding_to_milliseconds_is_not_a_variable_rate(rate: float) -> None:
    starts = np.round(np.arange(500) / rate, 3)
    assert not is_variable(starts, 1e-3)


def test_a_missing_frame_is_a_variable_rate() -> None:
    assert is_variable([0, 0.04, 0.12, 0.16], 1 / 90000)
    assert not is_variable([0.0, 0.5], 1 / 90000)


def test_length_of_the_last_frame() -> None:
    base = Fraction(1, 100)
    assert clock_of([0, 4, 10], base, last=7).end_time == 0.17
    assert clock_of([0, 4, 10], base, rate=Fraction(25)).end_time == 0.14
    assert clock_of([0, 4, 10], base).end_time == 0.16
    assert FrameClock(base, None).end_time == 0.0


def test_timestamps_that_go_backwards_or_stand_still_are_left_out() -> None:
    clock = FrameClock(Fraction(1, 10), None)
    placed = [clock.place(t, None, 1) for t in (0, 2, 1, 2, 3)]
    assert placed == [0.0, 0.2, None, None, 0.3]
    assert clock.backward == 2
    assert clock.numbers_at([0.25, 0.3]).tolist() == [1, 2]


def test_missing_timestamps_follow_the_frame_before() -> None:
    clock = FrameClock(Fraction(1, 10), None)
    assert [clock.place(None, None, 2) for _ in range(3)] == [0.0, 0.2, 0.4]
    assert clock.missing == 3
    clock = FrameClock(Fraction(1, 10), None)
    assert [clock.place(None, t, 1) for t in (1, 2, 5)] == [0.1, 0.2, 0.5]
    assert clock.missing == 0


def test_presentation_times_that_keep_going_backwards_give_way_to_decoding_times() -> None:
    clock = FrameClock(Fraction(1, 10), None)
    pts, dts = [1, 3, 2, 5, 4, 7, 6, 9, 8], range(1, 10)
    placed = [clock.place(p, d, 1) for p, d in zip(pts, dts, strict=True)]
    assert placed[4:] == [0.5, 0.6, 0.7, 0.8, 0.9]


def test_before_the_first_frame_there_is_none() -> None:
    assert on_display([1.0, 2.0], [0.5, 1.0, 9.0]).tolist() == [-1, 0, 1]
    with pytest.raises(ValueError, match="before 1"):
        clock_of([10, 20], Fraction(1, 10)).numbers_at([0.5])
