"""Models whose answers are known, and videos whose right answers are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tests.media import make_video

from falvideo.records import FloatArray, ModelInfo, UInt8Array


@dataclass
class BrightnessModel:
    """What label_video needs of a VideoClassifier: says how bright a window is, and keeps what it saw."""

    num_frames: int = 4
    frame_rate: float = 4.0
    labels: tuple[str, ...] = ("dark", "bright")
    multi_label: bool = False
    info: ModelInfo = field(default_factory=lambda: ModelInfo("brightness", None, "sha256:" + "0" * 64))
    on_scores: Callable[[UInt8Array], None] = lambda _: None
    batches: list[int] = field(default_factory=list)

    def decode_size(self, height: int, width: int) -> tuple[int, int]:
        return 8, 16

    def scores(self, frames: UInt8Array) -> FloatArray:
        assert frames.dtype == np.uint8
        assert frames.shape[1:] == (self.num_frames, 8, 16, 3)
        self.on_scores(frames)
        self.batches.append(len(frames))
        bright = frames.mean(axis=(1, 2, 3, 4)) / 255
        return np.stack([1 - bright, bright], axis=1).astype(np.float32)


def grey_video(path: Path, levels: Sequence[int], *, rate: int = 10, **options: object) -> Path:
    """One frame of each grey level (0 to 255), 32 by 16 pixels."""
    pictures = (np.full((16, 32, 3), level, np.uint8) for level in levels)
    return make_video(path, frames=len(levels), rate=rate, size=(32, 16), pictures=pictures, **options)  # type: ignore[arg-type]


def save_tiny_model(folder: Path, labels: tuple[str, ...] = ("one", "two", "three")) -> Path:
    """A small real model with random weights, in a folder."""
    import torch

    import falvideo

    torch.manual_seed(0)
    config = falvideo.FALConfig(
        image_size=32,
        num_frames=4,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        initializer_range=0.5,
        frame_rate=4.0,
        id2label=dict(enumerate(labels)),
        label2id={label: i for i, label in enumerate(labels)},
    )
    falvideo.FALVideoClassifierForVideoClassification(config).save_pretrained(folder)
    falvideo.FALVideoProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder
