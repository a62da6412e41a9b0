"""The processor users call: ``processor(video, return_tensors="pt")``.

An ordinary transformers processor for images (a list of frames is a video) and videos, so that
``AutoImageProcessor``, ``AutoVideoProcessor`` and ``pipeline("video-classification")`` load it without torchvision.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers.image_processing_base import BatchFeature
from transformers.image_processing_utils import BaseImageProcessor
from transformers.utils import logging

from falvideo.errors import ModelConfigError, TimeRangeError
from falvideo.models.preprocessing import Preprocessing
from falvideo.records import UInt8Array
from falvideo.video import open_video

logger = logging.get_logger(__name__)

Frame = Any  # a PIL image, numpy array or torch tensor, (H, W, C) or (C, H, W)


class FALVideoProcessor(BaseImageProcessor):  # type: ignore[misc]
    """Frames to ``pixel_values``.

    Args:
        size: ``{"height", "width"}`` resizes exactly; ``{"shortest_edge"}`` keeps the aspect ratio.
        crop_size: of the central crop, ``{"height", "width"}``.
        do_resize: whether to resize.
        do_center_crop: whether to crop.
        do_rescale: whether to multiply by ``rescale_factor``.
        rescale_factor: 1/255 brings bytes to [0, 1].
        do_normalize: whether to subtract ``image_mean`` and divide by ``image_std``.
        image_mean: one value a channel.
        image_std: one value a channel.
        num_frames: of a clip read from a file.
        frame_rate: frames per second of a clip read from a file; spread over the whole file when None.
        do_grayscale: whether to turn colours into one channel of luma first, for models with ``num_channels=1``.
    """

    model_input_names = ["pixel_values"]  # noqa: RUF012 (transformers reads a list)

    def __init__(
        self,
        size: dict[str, int] | int | None = None,
        crop_size: dict[str, int] | int | None = None,
        do_resize: bool = True,
        do_center_crop: bool = False,
        do_rescale: bool = True,
        rescale_factor: float = 1 / 255,
        do_normalize: bool = True,
        image_mean: Sequence[float] | None = None,
        image_std: Sequence[float] | None = None,
        do_grayscale: bool = False,
        num_frames: int = 8,
        frame_rate: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.size = {"height": 224, "width": 224} if size is None else size
        self.crop_size = crop_size
        self.do_resize = do_resize
        self.do_center_crop = do_center_crop
        self.do_rescale = do_rescale
        self.rescale_factor = rescale_factor
        self.do_normalize = do_normalize
        channels = 1 if do_grayscale else 3
        self.image_mean = [0.45] * channels if image_mean is None else list(image_mean)
        self.image_std = [0.225] * channels if image_std is None else list(image_std)
        self.do_grayscale = do_grayscale
        self.num_frames = num_frames
        self.frame_rate = frame_rate

    def __call__(self, images: Any = None, *, videos: Any = None, **kwargs: Any) -> BatchFeature:
        """See :meth:`preprocess`."""
        return self.preprocess(videos if images is None else images, **kwargs)

    def preprocess(self, images: Any, return_tensors: str | None = None, **overrides: Any) -> BatchFeature:
        """Prepare one video or a batch of videos.

        Args:
            images: a video (a list of frames, an array ``(T, H, W, C)`` or ``(T, C, H, W)``, or a file's path), or a
                batch of videos (a list of those, or a 5-D array). Of a file the middle ``num_frames`` frames at
                ``frame_rate`` are read: one clip; ``falvideo.label`` sees all of it. Frames are PIL images, numpy
                arrays or torch tensors, with values 0 to 255 (``do_rescale=False`` for values already in [0, 1]).
            return_tensors: ``"pt"`` for torch, ``"np"`` or None for numpy.
            **overrides: any argument of the constructor, for this call.

        Returns:
            ``pixel_values`` float32 ``(B, T, C, H, W)``.

        Raises:
            ModelConfigError: when the input is not a video, is empty, or mixes frame sizes or counts.
            SourceError: when a file cannot be read.
        """
        values = {**self.to_dict(), **overrides}
        if isinstance(images, (str, os.PathLike)):
            images = _middle_of(images, int(values["num_frames"]), values.get("frame_rate"))
        elif isinstance(images, (list, tuple)) and images and isinstance(images[0], (str, os.PathLike)):
            images = [_middle_of(path, int(values["num_frames"]), values.get("frame_rate")) for path in images]
        plan = Preprocessing.from_dict(values, type(self).__name__)
        if not values["do_resize"]:
            plan = replace(plan, size=None, shortest_edge=None)
        clips = [plan.pixels(plan.resize(clip)) for clip in _videos(images, values["do_rescale"])]
        if len({tuple(clip.shape) for clip in clips}) > 1:
            shapes = ", ".join(str(tuple(clip.shape)) for clip in clips)
            raise ModelConfigError(
                f"the videos of one batch have different shapes: {shapes}",
                remedy="give the same number of frames and an exact size",
            )
        batch = torch.stack(clips)
        return BatchFeature({"pixel_values": batch if return_tensors == "pt" else batch.numpy()})


def _middle_of(path: str | os.PathLike[str], num_frames: int, frame_rate: float | None) -> UInt8Array:
    """A clip from the middle of a file, ``(T, H, W, 3)``; spread over all of it when it is shorter or has no rate."""
    with open_video(path) as video:
        info = video.info
        size = {"height": info.height, "width": info.width}
        begin, seconds = info.start_time, info.duration or 0.0
        length = seconds if frame_rate is None else min(seconds, num_frames / frame_rate)
        first = begin + (seconds - length) / 2
        times = first + length * np.arange(num_frames) / num_frames
        try:
            return video.get_frames_played_at(times.tolist(), **size).frames
        except TimeRangeError:
            # The file declares more than it holds; its end is known now.
            times = begin + (video.end_time - begin) * np.arange(num_frames) / num_frames
            return video.get_frames_played_at(times.tolist(), **size).frames


def _videos(images: Any, rescaling: bool) -> list[Tensor]:
    """Whatever the caller has, as float32 clips ``(T, H, W, C)``."""
    if isinstance(images, (np.ndarray, Tensor)):
        if images.ndim == 5:
            return [_clip(video, rescaling) for video in images]
        if images.ndim in (3, 4):
            return [_clip(images if images.ndim == 4 else images[None], rescaling)]
    elif isinstance(images, (list, tuple)):
        if not images:
            raise ModelConfigError("the video has no frame", remedy="give at least one frame")
        first = images[0]
        if isinstance(first, (list, tuple)) or getattr(first, "ndim", 3) == 4:
            return [_clip(video, rescaling) for video in images]
        return [_clip(images, rescaling)]
    elif hasattr(images, "convert"):
        return [_clip([images], rescaling)]
    raise ModelConfigError(
        f"{type(images).__name__} is not a video", remedy="give a list of frames, or an array (T, H, W, C)"
    )


def _clip(frames: Any, rescaling: bool) -> Tensor:
    arrays = [_frame(frame) for frame in frames]
    if not arrays:
        raise ModelConfigError("the video has no frame", remedy="give at least one frame")
    if len({a.shape for a in arrays}) > 1:
        raise ModelConfigError("the frames of one video have different sizes", remedy="resize them to one size")
    stacked = np.stack(arrays)
    if rescaling and np.issubdtype(stacked.dtype, np.floating) and stacked.min() >= 0 and stacked.max() <= 1:
        logger.warning_once(
            "The frames look already scaled to [0, 1]: pass do_rescale=False to leave their values as they are."
        )
    return torch.from_numpy(stacked.astype(np.float32))


def _frame(frame: Frame) -> np.ndarray[Any, Any]:
    if isinstance(frame, Tensor):
        frame = frame.detach().cpu().numpy()
    array = np.asarray(frame.convert("RGB") if hasattr(frame, "convert") else frame)
    if array.ndim == 2:
        array = np.repeat(array[..., None], 3, axis=-1)
    if array.ndim != 3:
        raise ModelConfigError(f"a frame has shape {array.shape}", remedy="give (H, W, C) or (C, H, W)")
    if array.shape[-1] not in (1, 3) and array.shape[0] in (1, 3):
        array = np.moveaxis(array, 0, -1)
    if array.shape[-1] not in (1, 3):
        raise ModelConfigError(f"a frame has shape {array.shape}", remedy="give 3 channels (RGB)")
    return np.repeat(array, 3, axis=-1) if array.shape[-1] == 1 else array


__all__ = ["FALVideoProcessor"]
