"""Turning stored pictures upright: the display matrix that phones write, as a quarter turn.

Pure arithmetic on the nine numbers of the matrix and on arrays.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from falvideo.records import UInt8Array

_TOLERANCE = 1.0  # degrees


@dataclass(frozen=True)
class Orientation:
    """How a stored picture becomes upright: swap the axes, then mirror left-right and top-bottom.

    Attributes:
        transpose: swap rows and columns first.
        flip_x: then mirror left to right.
        flip_y: and top to bottom.
    """

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @property
    def rotation(self) -> int:
        """Degrees clockwise: 0, 90, 180 or 270 (a mirrored picture counts by the turn that is in it)."""
        if self.transpose:
            return 90 if self.flip_x else 270
        return 180 if self.flip_x and self.flip_y else 0

    def size(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) before or after the turn, given the other."""
        return (width, height) if self.transpose else (height, width)

    def apply(self, picture: UInt8Array) -> UInt8Array:
        """The upright picture, ``(H, W, 3)``: a view where nothing is to be done, else a copy."""
        if self == UPRIGHT:
            return picture
        turned = picture.transpose(1, 0, 2) if self.transpose else picture
        turned = turned[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]
        return np.ascontiguousarray(turned)


UPRIGHT = Orientation()


def from_matrix(matrix: Sequence[int]) -> Orientation | None:
    """The orientation that a display matrix asks for; ``None`` when it is not a multiple of 90 degrees.

    Args:
        matrix: nine fixed-point numbers ``a b u c d v x y w``: the stored point (x, y) is displayed at
            (a x + c y, b x + d y).
    """
    a, b, _, c, d, *_ = matrix
    if not (a or b) or not (c or d):
        return None
    # Angles of the images of the two axes: each must lie along an axis, and not both along the same.
    quarter_x = _quarter(math.degrees(math.atan2(b, a)))
    quarter_y = _quarter(math.degrees(math.atan2(d, c)))
    if quarter_x is None or quarter_y is None or quarter_x % 2 == quarter_y % 2:
        return None
    if quarter_x % 2 == 0:
        return Orientation(transpose=False, flip_x=quarter_x == 2, flip_y=quarter_y == 3)
    return Orientation(transpose=True, flip_x=quarter_y == 2, flip_y=quarter_x == 3)


def from_degrees(clockwise: float) -> Orientation | None:
    """The orientation for a turn in degrees clockwise; ``None`` when not a multiple of 90."""
    turns = _quarter(clockwise)
    if turns is None:
        return None
    return (
        UPRIGHT,
        Orientation(transpose=True, flip_x=True),
        Orientation(flip_x=True, flip_y=True),
        Orientation(transpose=True, flip_y=True),
    )[turns]


def _quarter(degrees: float) -> int | None:
    """Quarter turns 0 to 3, or ``None`` when further than the tolerance from one."""
    turns = round(degrees / 90)
    return turns % 4 if abs(degrees - 90 * turns) <= _TOLERANCE else None
