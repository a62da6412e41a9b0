"""Display matrices: turns and mirrors."""

from __future__ import annotations

import numpy as np
import pytest

from falvideo.video.upright import UPRIGHT, Orientation, from_degrees, from_matrix

PICTURE = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
ONE = 65536


@pytest.mark.parametrize(
    ("abcd", "rotation", "turn"),
    [
        ((1, 0, 0, 1), 0, lambda p: p),
        ((0, 1, -1, 0), 90, lambda p: np.rot90(p, -1)),
        ((-1, 0, 0, -1), 180, lambda p: np.rot90(p, 2)),
        ((0, -1, 1, 0), 270, lambda p: np.rot90(p, 1)),
        ((-1, 0, 0, 1), 0, np.fliplr),
        ((1, 0, 0, -1), 0, np.flipud),
    ],
)
def test_quarter_turns_and_mirrors(abcd: tuple[int, ...], rotation: int, turn: object) -> None:
    a, b, c, d = (v * ONE for v in abcd)
    orientation = from_matrix([a, b, 0, c, d, 0, 0, 0, 2**30])
    assert orientation is not None
    assert orientation.rotation == rotation
    assert np.array_equal(orientation.apply(PICTURE), turn(PICTURE))  # type: ignore[operator]
    assert orientation.size(2, 3) == orientation.apply(PICTURE).shape[:2]


@pytest.mark.parametrize("abcd", [(0, 0, 0, 0), (1, 1, -1, 1), (1, 0, 1, 0), (1, 0, 0, 0)])
def test_what_is_not_a_quarter_turn(abcd: tuple[int, ...]) -> None:
    a, b, c, d = (v * ONE for v in abcd)
    assert from_matrix([a, b, 0, c, d, 0, 0, 0, 2**30]) is None


def test_degrees_allow_one_off() -> None:
    assert from_degrees(89.4) == Orientation(transpose=True, flip_x=True)
    assert from_degrees(-90) == from_degrees(270)
    assert from_degrees(0.5) == UPRIGHT
    assert from_degrees(45) is None
    assert UPRIGHT.apply(PICTURE) is PICTURE
