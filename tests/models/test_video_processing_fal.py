"""The processor: every form a video comes in, and the arithmetic against transformers' own processor."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from falvideo.errors import ModelConfigError
from falvideo.hf import FALVideoProcessor
from falvideo.models.preprocessing import Preprocessing


def frames(n: int = 4, h: int = 20, w: int = 30) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, h, w, 3), dtype=np.uint8)


PROCESSOR = FALVideoProcessor(size={"height": 20, "width": 30})


@pytest.mark.parametrize(
    "form",
    [
        list,
        lambda v: v,
        lambda v: [Image.fromarray(f) for f in v],
        lambda v: [torch.from_numpy(f) for f in v],
        torch.from_numpy,
        lambda v: np.moveaxis(v, -1, 1),
        lambda v: list(np.moveaxis(v, -1, 1)),
        lambda v: [list(v)],
        lambda v: v[None],
        lambda v: [v],
    ],
    ids=["list", "array", "pil", "tensors", "tensor", "channels first", "list chw", "batch", "5d", "list of 4d"],
)
def test_every_form_gives_the_same(form):
    video = frames()
    got = PROCESSOR(form(video), return_tensors="pt")["pixel_values"]
    want = (torch.from_numpy(video).permute(0, 3, 1, 2)[None] / 255 - 0.45) / 0.225
    torch.testing.assert_close(got, want, rtol=0, atol=1e-5)


def test_a_batch_of_two():
    got = PROCESSOR([list(frames()), list(frames())], return_tensors="np")["pixel_values"]
    assert isinstance(got, np.ndarray)
    assert got.shape == (2, 4, 3, 20, 30)


def test_grey_is_luma_as_pillow_has_it():
    processor = FALVideoProcessor(size={"height": 20, "width": 30}, do_grayscale=True, do_normalize=False)
    video = frames()
    got = processor(list(video), return_tensors="pt")["pixel_values"][0, :, 0]
    want = np.stack([np.asarray(Image.fromarray(f).convert("L")) for f in video])
    assert np.abs(got.numpy() * 255 - want).max() <= 0.6  # Pillow rounds


def test_the_numbers_agree_with_transformers_own():
    """Same frames, same configuration, theirs through Pillow: equal but for the last step of rounding."""
    from transformers import VideoMAEImageProcessor

    theirs = VideoMAEImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    plan = Preprocessing.from_dict(theirs.to_dict())
    video = frames(3, 64, 96)
    want = torch.as_tensor(np.asarray(theirs(list(video), return_tensors="np")["pixel_values"]))[0]
    got = plan.pixels(plan.resize(torch.from_numpy(video).float()))
    assert got.shape == want.shape == (3, 3, 32, 32)
    assert (got - want).abs().mean() < 0.01
    # Without resizing there is nothing to round.
    small = frames(3, 32, 40)
    want = torch.as_tensor(np.asarray(theirs(list(small), return_tensors="np")["pixel_values"]))[0]
    torch.testing.assert_close(plan.pixels(torch.from_numpy(small)), want, rtol=0, atol=1e-5)


def test_save_and_load(tmp_path):
    processor = FALVideoProcessor(size={"shortest_edge": 12}, crop_size={"height": 8, "width": 8}, do_center_crop=True)
    processor.save_pretrained(tmp_path)
    again = FALVideoProcessor.from_pretrained(tmp_path)
    video = list(frames())
    torch.testing.assert_close(
        again(video, return_tensors="pt")["pixel_values"], processor(video, return_tensors="pt")["pixel_values"]
    )
    assert again(video)["pixel_values"].shape == (1, 4, 3, 8, 8)


@pytest.mark.parametrize(
    ("config", "resized"),
    [
        ({"size": {"height": 10, "width": 20}}, (10, 20)),
        ({"size": {"shortest_edge": 10}}, (10, 15)),
        ({"size": 10}, (10, 15)),
        ({"size": {"shortest_edge": 10}, "do_resize": False}, (20, 30)),
        ({}, (20, 30)),
    ],
)
def test_sizes(config, resized):
    assert Preprocessing.from_dict(config).resized(20, 30) == resized


def test_vivit_offset():
    plan = Preprocessing.from_dict({"rescale_factor": 1 / 127.5, "offset": True, "do_normalize": False})
    ends = plan.pixels(torch.tensor([0, 255], dtype=torch.uint8).view(1, 1, 2, 1).expand(1, 1, 2, 3))
    torch.testing.assert_close(ends[0, 0, 0], torch.tensor([-1.0, 1.0]))


@pytest.mark.parametrize(
    ("video", "says"),
    [
        ([], "no frame"),
        (np.zeros((0, 8, 8, 3)), "no frame"),
        (5, "int is not a video"),
        (None, "not a video"),
        ([np.zeros((8, 8, 3)), np.zeros((9, 8, 3))], "different sizes"),
        ([np.zeros((8, 8, 7))], "3 channels"),
        ([[np.zeros((8, 8, 3))], [np.zeros((8, 8, 3))] * 2], "different shapes"),
    ],
)
def test_bad_input_is_one_clear_line(video, says):
    with pytest.raises(ModelConfigError, match=says) as caught:
        PROCESSOR(video)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [{"longest_edge": 3}, "big", [1, 2, 3]])
def test_a_size_that_is_not_understood(size):
    with pytest.raises(ModelConfigError, match="size"):
        Preprocessing.from_dict({"size": size})


def test_a_crop_larger_than_the_frame():
    plan = Preprocessing.from_dict({"do_center_crop": True, "crop_size": 50, "size": 20})
    with pytest.raises(ModelConfigError, match="crop_size"):
        plan.pixels(torch.zeros(1, 20, 30, 3))
