"""Procedural scenes: seeded, and labelled by the conventions that the labels promise."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from falvideo.learning.camera_motion import (
    LABELS,
    Camera,
    Clip,
    backwards,
    camera_flow,
    make_camera,
    mirror,
    picture_grid,
    render_clip,
    texture_bank,
)


@pytest.fixture(scope="module")
def bank():
    return texture_bank(5, 12)


def clip_of(bank, label: str, seed: int = 0, plain: bool = True) -> Clip:
    return render_clip(np.random.default_rng(seed), bank, label=LABELS.index(label), plain=plain)


def test_the_same_seed_draws_the_same(bank):
    assert torch.equal(texture_bank(5, 2), bank[:2])
    for plain in (True, False):
        a, b, c = (render_clip(np.random.default_rng(s), bank, plain=plain) for s in (1, 1, 2))
        assert torch.equal(a.frames, b.frames)
        assert a.label == b.label
        assert not torch.equal(a.frames, c.frames)


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("seed", [0, 1])
def test_hard_scenes_are_pictures(bank, label, seed):
    clip = clip_of(bank, label, seed, plain=False)
    assert clip.frames.shape == (12, 96, 96)
    assert clip.frames.dtype == torch.float32
    assert clip.frames.min() >= 0
    assert clip.frames.max() <= 1
    assert LABELS[clip.label] == label
    assert torch.isfinite(clip.flow).all()


@pytest.mark.parametrize("label", LABELS)
def test_the_camera_does_what_the_label_says(bank, label):
    """In a pan left the picture moves right; in a tilt up, down; a roll left turns it clockwise."""
    flow = clip_of(bank, label).flow[1:].mean(0)  # G, G, 2
    x, y = flow[..., 0], flow[..., 1]
    line = torch.linspace(-1, 1, 6)
    outward = (x * line[None] + y * line[:, None]).mean()
    clockwise = (y * line[None] - x * line[:, None]).mean()
    measured = {
        "pan left": x.mean(),
        "pan right": -x.mean(),
        "tilt up": y.mean(),
        "tilt down": -y.mean(),
        "zoom in": outward,
        "zoom out": -outward,
        "roll left": clockwise,
        "roll right": -clockwise,
    }
    if label == "static":
        assert not flow.any()
    elif label != "handheld":
        assert measured[label] > 1e-3
        assert measured[label] == max(measured.values())


@pytest.mark.parametrize("label", ["pan left", "tilt down", "zoom in", "roll right"])
def test_the_flow_is_where_the_pixels_went(bank, label):
    """Warping a frame back by its flow gives the frame before, far better than doing nothing does."""
    rng = np.random.default_rng(3)
    clip = render_clip(rng, bank, label=LABELS.index(label), plain=True, patches=96)
    t = 6
    centres = picture_grid(96, 1.0)
    came_from = centres - clip.flow[t] * 2
    warped = F.grid_sample(clip.frames[t - 1][None, None], came_from, align_corners=False, padding_mode="border")[0, 0]
    inner = slice(16, 80)
    left = (warped - clip.frames[t])[inner, inner].abs().mean()
    still = (clip.frames[t - 1] - clip.frames[t])[inner, inner].abs().mean()
    assert left < 0.5 * still


@pytest.mark.parametrize("label", LABELS)
def test_mirrors_and_time_reversal_swap_labels(bank, label):
    clip = clip_of(bank, label)
    for axis in "xy":
        twice = mirror(mirror(clip, axis), axis)
        assert twice.label == clip.label
        assert torch.equal(twice.frames, clip.frames)
        torch.testing.assert_close(twice.flow, clip.flow)
    assert backwards(backwards(clip)).label == clip.label
    names = {axis: LABELS[mirror(clip, axis).label] for axis in "xy"} | {"t": LABELS[backwards(clip).label]}
    side = {"left": "right", "right": "left", "up": "down", "down": "up", "in": "out", "out": "in"}
    kind, _, way = label.partition(" ")
    turned = f"{kind} {side.get(way)}" if way else label
    assert names["t"] == turned
    assert names["x"] == (turned if kind in ("pan", "roll") else label)
    assert names["y"] == (turned if kind in ("tilt", "roll") else label)


def test_mirrored_flow_is_the_flow_of_the_mirrored_camera():
    camera = make_camera(np.random.default_rng(0), "roll left", 12, 11 / 6, 1.5)
    mirrored = Camera(-camera.x, camera.y, camera.log_zoom, -camera.roll)
    clip = Clip(torch.zeros(12, 8, 8), LABELS.index("roll left"), camera_flow(camera, 1.5, 12, 6))
    torch.testing.assert_close(mirror(clip, "x").flow, camera_flow(mirrored, 1.5, 12, 6), rtol=0, atol=1e-6)


def test_a_camera_maps_there_and_back():
    camera = make_camera(np.random.default_rng(1), "zoom in", 12, 11 / 6, 1.5)
    p = picture_grid(5, 1.5).expand(12, -1, -1, -1)
    torch.testing.assert_close(camera.picture(camera.world(p)), p, rtol=0, atol=1e-5)


@pytest.mark.parametrize("seed", range(20))
def test_handheld_shakes_more_than_it_drifts(seed):
    camera = make_camera(np.random.default_rng(seed), "handheld", 12, 11 / 6, 1.5)
    path = np.stack([camera.x, camera.y])
    assert np.abs(np.diff(path)).sum() > 1.5 * np.abs(path[:, -1] - path[:, 0]).max()
