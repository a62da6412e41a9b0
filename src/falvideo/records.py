"""What is handed from room to room: frozen records, numpy and the standard library only.

    VideoInfo, FrameBatch    from video/      what a file is, and frames of it
    ClipScores               from models/     what the model thought of each window
    Segment, Timeline        from labeling/   what a person reads; exports/ turns them into text

Times are seconds by the source's own presentation timestamps, ranges are half-open ``[start, end)``,
frame numbers are 0-based, scores are probabilities in ``[0, 1]``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

UInt8Array: TypeAlias = npt.NDArray[np.uint8]
FloatArray: TypeAlias = npt.NDArray[np.float32]
TimeArray: TypeAlias = npt.NDArray[np.float64]

UNKNOWN = "unknown"
"""The label of a stretch on which no score reaches the threshold."""


@dataclass(frozen=True)
class VideoInfo:
    """What a video file says of itself, before any frame is decoded.

    Attributes:
        uri: the path as the user gave it.
        container: FFmpeg's name of the container format, e.g. ``"mov,mp4,m4a,3gp,3g2,mj2"``.
        codec: FFmpeg's name of the video codec, e.g. ``"h264"``.
        pixel_format: FFmpeg's name, e.g. ``"yuv420p"``; ``""`` when unknown.
        width: pixels, upright (after rotation).
        height: pixels, upright (after rotation).
        rotation: degrees clockwise that turn the stored picture upright: 0, 90, 180 or 270.
        rate: average frames per second, or ``None`` when the file does not say.
        variable_rate: whether the frames are unevenly spaced, by their timestamps;
            ``None`` when that cannot be told without reading the whole file.
        start_time: presentation time of the first frame, seconds.
        duration: of the video stream, seconds; ``None`` when the file does not say.
        frames: number of frames that the container declares; ``None`` when it does not.
        has_audio: whether there is a sound track.
        warnings: one line each, on what was odd about the file (a rotation that is not a quarter turn, ...).
    """

    uri: str
    container: str
    codec: str
    pixel_format: str
    width: int
    height: int
    rotation: int
    rate: Fraction | None
    variable_rate: bool | None
    start_time: float
    duration: float | None
    frames: int | None
    has_audio: bool
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class FrameBatch:
    """Frames on display at given times.

    Attributes:
        frames: RGB, ``(N, H, W, 3)`` uint8, upright.
        times: the times asked for, ``(N,)`` float64 seconds, ascending.
        frame_numbers: 0-based number, in presentation order, of the frame on display at each time, ``(N,)``.
    """

    frames: UInt8Array
    times: TimeArray
    frame_numbers: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        """Check the shapes agree."""
        n = len(self.times)
        if self.frames.ndim != 4 or self.frames.shape[-1] != 3 or self.frames.dtype != np.uint8:
            raise ValueError(f"frames must be (N, H, W, 3) uint8, got {self.frames.shape} {self.frames.dtype}")
        if len(self.frames) != n or len(self.frame_numbers) != n:
            raise ValueError(
                f"{len(self.frames)} frames, {n} times, {len(self.frame_numbers)} numbers: they must agree"
            )


@dataclass(frozen=True)
class ClipScores:
    """Scores of every window of one video.

    Attributes:
        windows: ``(M, 2)`` float64 seconds, each row ``[start, end)``, starts ascending.
        scores: probabilities, ``(M, K)`` float32.
        labels: the K label names.
        multi_label: whether scores are independent (sigmoid) rather than one distribution (softmax).
    """

    windows: TimeArray
    scores: FloatArray
    labels: tuple[str, ...]
    multi_label: bool = False

    def __post_init__(self) -> None:
        """Check the shapes agree."""
        if self.scores.shape != (len(self.windows), len(self.labels)):
            raise ValueError(f"scores are {self.scores.shape}, expected ({len(self.windows)}, {len(self.labels)})")


@dataclass(frozen=True)
class LabelScore:
    """One label and its probability."""

    label: str
    score: float


@dataclass(frozen=True)
class Segment:
    """A stretch of the video under one label.

    Attributes:
        start: seconds.
        end: seconds, exclusive.
        start_frame: 0-based number of the first frame displayed in the stretch.
        end_frame: 0-based, exclusive.
        label: the label, or ``"unknown"`` when nothing reached the threshold.
        score: mean probability of the label over the stretch; of the best label when unknown.
    """

    start: float
    end: float
    start_frame: int
    end_frame: int
    label: str
    score: float

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.end - self.start


@dataclass(frozen=True)
class SourceInfo:
    """The part of the source that a result carries, so that it can be read years later.

    Attributes:
        uri: the path as the user gave it.
        sha256: hexadecimal digest of the whole file.
        duration: seconds of video found (by its timestamps, to the end of the last frame).
        fps: average rate as ``"30000/1001"``; ``None`` when the file does not say.
        variable_rate: whether frames are unevenly spaced.
        start_time: presentation time of the first frame, seconds.
        width: pixels, upright.
        height: pixels, upright.
    """

    uri: str
    sha256: str
    duration: float
    fps: Fraction | None
    variable_rate: bool
    start_time: float
    width: int
    height: int


@dataclass(frozen=True)
class ModelInfo:
    """Which model made a result.

    Attributes:
        id: the name, folder or Hub id it was asked for by.
        revision: the Hub commit or the embedded model's version; ``None`` for a plain folder.
        parameters_hash: ``"sha256:..."`` over the weights' names, shapes and bytes.
    """

    id: str
    revision: str | None
    parameters_hash: str


@dataclass(frozen=True)
class Timeline:
    """What a person reads: labels of the whole clip, and the segments.

    Attributes:
        source: the video.
        model: what labelled it.
        labels: of the whole clip, best first.
        segments: in order, without gap or overlap, from the first frame's time to the end.
        warnings: one line each (a truncated file, a garbage rotation, ...).
    """

    source: SourceInfo
    model: ModelInfo
    labels: tuple[LabelScore, ...]
    segments: tuple[Segment, ...]
    warnings: tuple[str, ...] = field(default=())
