"""Which frames need not be decoded, as nothing asks for them and no other frame is built on them.

A decoder can be told, packet by packet, to leave out a picture that no other refers to: about half of the
B-frames' share of a usual H.264 file. That is only done where no time asked for falls into the picture's time
on display, so every frame that is returned is the same as without it. Pure arithmetic on ticks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence

from falvideo.video.sampling import EPSILON

Needed = Callable[[float, float], bool]
"""Whether a time in ``[a, b)``, seconds, is asked for; may say yes too often, never no wrongly."""


def needed_on_grid(t0: float, rate: float) -> Needed:
    """For times ``t0 + k / rate``, k = 0, 1, ..."""

    def needed(a: float, b: float) -> bool:
        k = max(0, int((a - 2 * EPSILON - t0) * rate) - 1)
        while t0 + k / rate < a - 2 * EPSILON:
            k += 1
        return t0 + k / rate < b + EPSILON

    return needed


def needed_at(times: Sequence[float]) -> Needed:
    """For ascending times."""

    def needed(a: float, b: float) -> bool:
        k = bisect_left(times, a - 2 * EPSILON)
        return k < len(times) and times[k] < b + EPSILON

    return needed


class Skipper:
    """Decides on packets in decoding order, and remembers what may have been left out.

    Args:
        needed: whether a stretch of time is asked for.
        seconds: of a tick.
    """

    def __init__(self, needed: Needed, seconds: Callable[[int], float]) -> None:
        """Nothing left out yet."""
        self._needed = needed
        self._seconds = seconds
        self._left_out: dict[int, int] = {}  # ticks -> duration

    def leave_out(self, pts: int, duration: int, near: Iterable[int]) -> bool:
        """Whether the picture of a packet may be left out.

        Args:
            pts: its presentation ticks.
            duration: ticks.
            near: presentation ticks of the packets around it. Where the next picture's are not among them,
                its time on display is taken too long, which only decodes more.
        """
        following = min((p for p in near if p > pts), default=None)
        if following is None or self._needed(self._seconds(pts), self._seconds(following)):
            return False
        self._left_out[pts] = duration
        return True

    def left_out_before(self, pts: int | None) -> list[tuple[int, int]]:
        """(ticks, duration) of what has been left out before a decoded frame; all with ``None``.

        Frames are decoded in order, so nothing before this one comes any more. One that was decoded all the
        same, as others refer to it, is not left out.
        """
        if pts is not None:
            self._left_out.pop(pts, None)
        gone = sorted(item for item in self._left_out.items() if pts is None or item[0] < pts)
        for ticks, _ in gone:
            del self._left_out[ticks]
        return gone
