"""What may be left undecoded, against a plain search."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from falvideo.video.sampling import EPSILON
from falvideo.video.skipping import Skipper, needed_at, needed_on_grid

SECONDS = st.floats(-10, 100)


@given(t0=SECONDS, rate=st.floats(0.1, 60), a=SECONDS, length=st.floats(0.001, 2))
def test_a_grid_point_within_is_never_missed(t0: float, rate: float, a: float, length: float) -> None:
    points = [t0 + k / rate for k in range(int(120 * rate) + 2)]
    inside = any(a - EPSILON <= t < a + length - EPSILON for t in points)
    if inside:
        assert needed_on_grid(t0, rate)(a, a + length)
        assert needed_at(points)(a, a + length)
    if not any(a - 3 * EPSILON <= t < a + length + 2 * EPSILON for t in points):
        assert not needed_on_grid(t0, rate)(a, a + length)
        assert not needed_at(points)(a, a + length)


def test_what_is_left_out_is_remembered_in_order() -> None:
    skipper = Skipper(needed_at([5.0]), float)
    assert skipper.leave_out(3, 1, [1, 4, 8])
    assert skipper.leave_out(2, 1, [3])
    assert not skipper.leave_out(4, 1, [8])  # on display at 5
    assert not skipper.leave_out(9, 1, [1])  # until when is not known
    assert skipper.leave_out(6, 1, [7])
    assert skipper.left_out_before(4) == [(2, 1), (3, 1)]
    assert skipper.left_out_before(6) == []  # decoded all the same
    assert skipper.left_out_before(None) == []
