"""From frames to ``pixel_values``, by the numbers a model's own configuration gives.

Every Hugging Face video classifier ships a ``preprocessor_config.json`` (or ``video_preprocessor_config.json``); its
image processors need Pillow frame by frame, its video processors need torchvision. The arithmetic they describe is
small: resize, crop, rescale, normalise. It is done here once, on whole batches, for ours and for theirs.

Letters: M clips, T frames, H W pixels, C channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from falvideo.errors import ModelConfigError

Size = tuple[int, int]

LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Preprocessing:
    """What happens to a frame before the model sees it.

    Attributes:
        size: exact (height, width) to resize to; ``None`` with ``shortest_edge`` or for no resizing.
        shortest_edge: resize so that the shorter side has this many pixels, keeping the aspect ratio.
        crop: (height, width) of the central crop after resizing; ``None`` for none.
        scale: factor on pixel values (1/255 brings bytes to [0, 1]); 1 for none.
        offset: added after scaling (ViViT subtracts 1).
        mean: subtracted, one a channel; ``None`` for no normalisation.
        std: divided by, one a channel.
        grayscale: whether colours become one channel of luma (ITU-R BT.601) before scaling.
    """

    size: Size | None = None
    shortest_edge: int | None = None
    crop: Size | None = None
    scale: float = 1 / 255
    offset: float = 0.0
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    grayscale: bool = False

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], uri: str = "preprocessor_config.json") -> Preprocessing:
        """Read a Hugging Face preprocessor configuration.

        Raises:
            ModelConfigError: naming the field that cannot be understood.
        """
        size, shortest_edge = None, None
        if values.get("do_resize", True) and values.get("size") is not None:
            size, shortest_edge = _read_size(values["size"], uri)
        crop = None
        if values.get("do_center_crop", False):
            crop, edge = _read_size(values.get("crop_size") or values.get("size"), uri)
            if crop is None:
                crop = (edge or 0, edge or 0)
        mean = std = None
        if values.get("do_normalize", True) and values.get("image_mean") is not None:
            mean = tuple(float(v) for v in values["image_mean"])
            std = tuple(float(v) for v in values.get("image_std") or ())
            if len(mean) != len(std) or any(v == 0 for v in std):
                raise ModelConfigError(f"{uri}: image_mean={mean} and image_std={std} do not go together")
        scale = float(values.get("rescale_factor", 1 / 255)) if values.get("do_rescale", True) else 1.0
        # ViViT writes a factor of 1/127.5 and subtracts 1 unless told not to.
        offset = -1.0 if values.get("offset", False) and values.get("do_rescale", True) else 0.0
        return cls(size, shortest_edge, crop, scale, offset, mean, std, bool(values.get("do_grayscale", False)))

    def resized(self, height: int, width: int) -> Size:
        """The (height, width) that a frame of ``height`` x ``width`` pixels is resized to."""
        if self.size is not None:
            return self.size
        if self.shortest_edge is None:
            return height, width
        short = max(1, min(height, width))
        return (
            max(self.shortest_edge, height * self.shortest_edge // short),
            max(self.shortest_edge, width * self.shortest_edge // short),
        )

    def pixels(self, frames: Tensor) -> Tensor:
        """Frames already resized, ``(..., T, H, W, C)`` of any number type, to ``(..., T, C, H', W')`` float32.

        Crops to the centre, scales and normalises.

        Raises:
            ModelConfigError: when a frame is smaller than the crop.
        """
        frames = self._central(frames)
        if self.grayscale and frames.shape[-1] == 3:
            values = (frames.to(torch.float32) @ torch.tensor(LUMA, device=frames.device))[..., None, :, :]
        else:
            values = frames.movedim(-1, -3).to(torch.float32)
        if self.mean is None or self.std is None:
            return values * self.scale + self.offset
        shape = (-1, 1, 1)
        mean = torch.tensor(self.mean, device=values.device).view(shape)
        std = torch.tensor(self.std, device=values.device).view(shape)
        # One multiply and one add over the big tensor instead of four passes.
        return torch.addcmul((self.offset - mean) / std, values, self.scale / std)

    def _central(self, frames: Tensor) -> Tensor:
        if self.crop is None:
            return frames
        height, width = frames.shape[-3], frames.shape[-2]
        if height < self.crop[0] or width < self.crop[1]:
            raise ModelConfigError(
                f"frames of {height}x{width} are smaller than crop_size={self.crop}",
                remedy="make the preprocessor's size at least as large as its crop_size",
            )
        top, left = (height - self.crop[0]) // 2, (width - self.crop[1]) // 2
        return frames[..., top : top + self.crop[0], left : left + self.crop[1], :]

    def resize(self, frames: Tensor) -> Tensor:
        """Frames ``(T, H, W, C)`` float32, resized with antialiasing; for frames that did not come from a reader."""
        height, width = self.resized(frames.shape[1], frames.shape[2])
        if (height, width) == tuple(frames.shape[1:3]):
            return frames
        planes = frames.permute(0, 3, 1, 2)
        planes = F.interpolate(planes, (height, width), mode="bilinear", antialias=True, align_corners=False)
        return planes.permute(0, 2, 3, 1)


def _read_size(value: Any, uri: str) -> tuple[Size | None, int | None]:
    """A Hugging Face size, as (exact size, shortest edge); one of the two is None."""
    if isinstance(value, int):
        return None, value
    if isinstance(value, (list, tuple)) and len(value) == 2:
        return (int(value[0]), int(value[1])), None
    if isinstance(value, Mapping):
        if value.get("height") and value.get("width"):
            return (int(value["height"]), int(value["width"])), None
        if value.get("shortest_edge"):
            return None, int(value["shortest_edge"])
    raise ModelConfigError(f"{uri}: size={value!r} is not understood", remedy="use {height, width} or {shortest_edge}")
