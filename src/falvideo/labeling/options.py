"""How to label, as the user asked for it: checked here, before anything heavy is loaded."""

from __future__ import annotations

import math
from dataclasses import dataclass

from falvideo.errors import UsageError
from falvideo.labeling.windows import check_seconds


@dataclass(frozen=True)
class LabelOptions:
    """How to label.

    Attributes:
        top_k: labels kept for the whole clip.
        threshold: below this score a stretch is "unknown".
        window: seconds that the model sees at once; the model's own when None.
        stride: seconds between windows; half a window when None.
        start: seconds on the source's clock; the first frame when None.
        end: seconds, exclusive; the end when None.
        batch_size: windows computed at once.

    Raises:
        UsageError: an option that cannot work, by its name.
    """

    top_k: int = 5
    threshold: float = 0.3
    window: float | None = None
    stride: float | None = None
    start: float | None = None
    end: float | None = None
    batch_size: int = 8

    def __post_init__(self) -> None:
        """Refuse what cannot work, by option name."""
        if self.top_k < 1:
            raise UsageError(f"--top-k {self.top_k} is not a positive number", remedy="give 1 or more")
        if not 0.0 <= self.threshold <= 1.0:
            raise UsageError(f"--threshold {self.threshold:g} is not a probability", remedy="give 0 to 1")
        if self.batch_size < 1:
            raise UsageError(f"--batch-size {self.batch_size} is not a positive number", remedy="give 1 or more")
        # The model's own window is not known yet: a stride alone is checked against it once it is loaded.
        check_seconds("window", self.window)
        check_seconds("stride", self.stride)
        if self.window is not None and self.stride is not None and self.stride > self.window:
            raise UsageError(
                f"--stride {self.stride:g} is longer than the window of {self.window:g} s, parts would be skipped",
                remedy=f"use at most {self.window:g}",
            )
        for name, value in (("start", self.start), ("end", self.end)):
            if value is not None and not math.isfinite(value):
                raise UsageError(f"--{name} {value} is not a time", remedy="give seconds")
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise UsageError(
                f"--end {self.end:g} is not after --start {self.start:g}", remedy="give an end after the start"
            )
