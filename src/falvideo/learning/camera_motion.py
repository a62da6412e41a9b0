"""Procedural scenes under a virtual camera: what the embedded model learns camera motion from.

Everything is drawn: no footage goes in. A scene is a textured background, sometimes a nearer layer that shows
parallax, things that move on their own (people-like figures, large objects, flicker), a camera that follows one of
ten motions, and what a lens, a sensor and a codec do to the picture. Frames are grey, ``(T, S, S)`` float32 in
[0, 1]: motion needs no colour, and a grey renderer is three times cheaper.

Coordinates: picture points ``p = (x, y)``, x to the right and y down, ``y`` in [-1, 1] and ``x`` in
[-aspect, aspect]; the whole picture is squashed into a square, as the processor does with real video. The camera of
a frame maps picture to world, ``w = R(roll) p / zoom + (x, y)``.

Letters: T frames, S picture side in pixels, G patch rows (and columns) of the flow target.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageDraw, ImageFilter
from torch import Tensor
from torch.nn import functional as F

LABELS: tuple[str, ...] = (
    "static",
    "handheld",
    "pan left",
    "pan right",
    "tilt up",
    "tilt down",
    "zoom in",
    "zoom out",
    "roll left",
    "roll right",
)
"""The camera's motion: in a pan left the picture moves right; in a roll left the picture turns clockwise."""

Array = npt.NDArray[np.float32]
Rng = np.random.Generator


@dataclass(frozen=True)
class Clip:
    """One rendered clip.

    Attributes:
        frames: ``(T, S, S)`` float32 in [0, 1].
        label: index into ``LABELS``.
        flow: the camera's motion at every patch centre since the frame before, as fractions of the picture's
            side, x then y: ``(T, G, G, 2)``; zero for the first frame.
    """

    frames: Tensor
    label: int
    flow: Tensor


# ---------------------------------------------------------------------------------------------------- textures


def _fractal(rng: Rng, size: int, slope: float) -> Array:
    """Noise with a power-law spectrum, normalised to [0, 1]."""
    fy = np.fft.fftfreq(size)[:, None]
    fx = np.fft.rfftfreq(size)[None, :]
    radius = np.maximum(np.hypot(fx, fy), 1.0 / size)
    spectrum = rng.normal(size=radius.shape) + 1j * rng.normal(size=radius.shape)
    field = np.fft.irfft2(spectrum * radius ** (-slope), s=(size, size))
    low, high = np.percentile(field, [1, 99])
    scaled: Array = np.clip((field - low) / (high - low + 1e-9), 0, 1).astype(np.float32)
    return scaled


def _shape(rng: Rng, draw: ImageDraw.ImageDraw, size: int, radius: float, shade: int) -> None:
    x, y = rng.uniform(0, size, 2)
    kind = rng.integers(4)
    if kind == 0:
        a, b = radius * rng.uniform(0.5, 1.5, 2)
        draw.ellipse([x - a, y - b, x + a, y + b], fill=shade)
    elif kind == 1:
        a, b = radius * rng.uniform(0.3, 2.0, 2)
        draw.rectangle([x - a, y - b, x + a, y + b], fill=shade)
    elif kind == 2:
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 8))))
        reach = radius * rng.uniform(0.5, 1.5, len(angles))
        points = zip(x + reach * np.cos(angles), y + reach * np.sin(angles), strict=True)
        draw.polygon([(float(a), float(b)) for a, b in points], fill=shade)
    else:
        angle, length = rng.uniform(0, np.pi), radius * rng.uniform(1, 6)
        dx, dy = length * np.cos(angle), length * np.sin(angle)
        draw.line([x - dx, y - dy, x + dx, y + dy], fill=shade, width=max(1, int(radius / 5)))


def _leaves(rng: Rng, size: int, count: int, smallest: float, largest: float) -> Image.Image:
    """Shapes of power-law sizes over one another: the statistics of natural pictures (dead leaves model)."""
    image = Image.new("L", (size, size), int(rng.integers(20, 235)))
    draw = ImageDraw.Draw(image)
    middle, spread = rng.uniform(60, 190), rng.uniform(20, 90)
    for _ in range(count):
        radius = smallest * (1 - rng.random() * (1 - (smallest / largest) ** 1.5)) ** (-1 / 1.5)
        _shape(rng, draw, size, radius, int(np.clip(rng.normal(middle, spread), 0, 255)))
    return image


def _room(rng: Rng, size: int) -> Image.Image:
    """Large plain surfaces, a few edges and a few things: walls, floors, sky."""
    ramp = np.linspace(rng.uniform(30, 220), rng.uniform(30, 220), size)[:, None] + np.zeros((1, size))
    if rng.random() < 0.5:
        ramp = ramp.T
    image = Image.fromarray(np.clip(ramp, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(1, 5))):  # planes that meet at an edge
        shade = int(rng.integers(15, 240))
        a, b = rng.uniform(0, size, 2)
        tilt = rng.normal(0, size / 12)
        if rng.random() < 0.5:
            draw.polygon([(0, a), (size, a + tilt), (size, size), (0, size)], fill=shade)
        else:
            draw.polygon([(a, 0), (a + tilt, size), (a + tilt + b / 3, size), (a + b / 3, 0)], fill=shade)
    for _ in range(int(rng.integers(3, 30))):
        _shape(rng, draw, size, rng.uniform(3, 30), int(rng.integers(0, 255)))
    return image


def _structure(rng: Rng, size: int) -> Image.Image:
    """Windows, shelves, tiles, lines of text: repetition with irregular gaps."""
    image = _leaves(rng, size, int(rng.integers(3, 30)), 20, 90)
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(1, 4))):
        step_x, step_y = rng.uniform(8, 50, 2)
        left, top = rng.uniform(-20, size * 0.6, 2)
        columns, rows = int(rng.integers(2, 14)), int(rng.integers(2, 14))
        fill = rng.uniform(0.2, 0.9, 2)
        shade = rng.integers(0, 255)
        for i in range(columns * rows):
            if rng.random() < 0.12:
                continue
            x, y = left + (i % columns) * step_x, top + (i // columns) * step_y
            tone = int(np.clip(shade + rng.normal(0, 15), 0, 255))
            draw.rectangle([x, y, x + step_x * fill[0], y + step_y * fill[1]], fill=tone)
    return image


def make_texture(rng: Rng, size: int = 384) -> npt.NDArray[np.uint8]:
    """One background, ``(size, size)`` uint8, of a random kind and contrast."""
    kind = rng.choice(5, p=[0.3, 0.12, 0.28, 0.18, 0.12])
    if kind == 0:
        image = _leaves(rng, size, int(rng.integers(100, 900)), rng.uniform(2, 6), rng.uniform(30, 120))
    elif kind == 1:
        image = Image.fromarray((_fractal(rng, size, rng.uniform(0.9, 2.2)) * 255).astype(np.uint8))
    elif kind == 2:
        image = _room(rng, size)
    elif kind == 3:
        image = _structure(rng, size)
    else:  # a textured ground below a plain upper part
        image = _room(rng, size)
        ground = _leaves(rng, size, int(rng.integers(100, 700)), 2, 40)
        image.paste(ground, (0, int(size * rng.uniform(0.3, 0.7))))
    field = np.asarray(image, dtype=np.float32) / 255
    shading = _fractal(rng, size, rng.uniform(1.5, 2.5)) - 0.5
    grain = _fractal(rng, size, rng.uniform(0.2, 1.0)) - 0.5
    field = field + shading * rng.uniform(0, 0.4) + grain * rng.choice([0.0, rng.uniform(0, 0.25)])
    contrast = rng.choice([1.0, rng.uniform(0.15, 1.0)])
    field = (field - 0.5) * contrast + rng.uniform(0.5 * contrast, 1 - 0.5 * contrast)
    picture = Image.fromarray((np.clip(field, 0, 1) * 255).astype(np.uint8))
    picture = picture.filter(ImageFilter.GaussianBlur(float(rng.choice([0.5, 0.7, 1.0, 2.0]))))
    return np.asarray(picture)


def texture_bank(seed: int, count: int, size: int = 384) -> Tensor:
    """``(count, size, size)`` uint8 textures; the same for the same seed."""
    return torch.from_numpy(np.stack([make_texture(np.random.default_rng([seed, i]), size) for i in range(count)]))


# ------------------------------------------------------------------------------------------------------ camera


@dataclass(frozen=True)
class Camera:
    """Position (in half picture heights), log zoom and roll (radians, clockwise positive) of every frame, (T,)."""

    x: Array
    y: Array
    log_zoom: Array
    roll: Array

    def world(self, p: Tensor, depth: float = 1.0) -> Tensor:
        """Picture points ``(T, ..., 2)`` to world points of a layer that shifts ``depth`` times the background."""
        shape = (-1,) + (1,) * (p.ndim - 2)

        def column(values: Array) -> Tensor:
            return torch.from_numpy(values).view(shape)

        c, s = torch.cos(column(self.roll)), torch.sin(column(self.roll))
        q = p * torch.exp(-column(self.log_zoom))[..., None]
        qx, qy = q[..., 0], q[..., 1]
        return torch.stack([c * qx - s * qy + depth * column(self.x), s * qx + c * qy + depth * column(self.y)], -1)

    def picture(self, w: Tensor) -> Tensor:
        """World points ``(T, ..., 2)`` back to picture points (the inverse of :meth:`world` at depth 1)."""
        shape = (-1,) + (1,) * (w.ndim - 2)

        def column(values: Array) -> Tensor:
            return torch.from_numpy(values).view(shape)

        dx, dy = w[..., 0] - column(self.x), w[..., 1] - column(self.y)
        c, s = torch.cos(column(self.roll)), torch.sin(column(self.roll))
        return torch.stack([c * dx + s * dy, -s * dx + c * dy], -1) * torch.exp(column(self.log_zoom))[..., None]


def _progress(rng: Rng, frames: int) -> Array:
    """How far along a move each frame is, 0 to 1: steady, or starting, stopping or easing within the clip."""
    t = np.linspace(0, 1, frames)
    kind = rng.integers(4)
    if kind == 0:
        pass
    elif kind == 1:
        t = t ** rng.uniform(0.6, 1.7)
    elif kind == 2:
        a = rng.uniform(0.3, 1.0)
        t = (1 - a) * t + a * (3 * t**2 - 2 * t**3)
    else:  # moving in only a part of the clip
        begin = rng.uniform(0, 0.35)
        finish = begin + rng.uniform(0.65, 1.0)
        t = np.clip((t - begin) / (finish - begin), 0, 1)
        t = t / max(t[-1], 1e-6)
    return t.astype(np.float32)


def _shake(rng: Rng, frames: int, seconds: float) -> Array:
    """A hand's tremor and sway: a few sines between 0.5 and 5 Hz, unit deviation, no drift over the clip."""
    t = np.linspace(0, seconds, frames)
    value = np.zeros(frames)
    for _ in range(5):
        f = np.exp(rng.uniform(np.log(0.5), np.log(5.0)))
        value += f ** -rng.uniform(0.2, 0.8) * np.sin(2 * np.pi * (f * t + rng.random()))
    line = np.polyfit(t, value, 1)
    value -= np.polyval(line, t)
    steadied: Array = (value / (value.std() + 1e-6)).astype(np.float32)
    return steadied


def _log_uniform(rng: Rng, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def make_camera(rng: Rng, label: str, frames: int, seconds: float, aspect: float, plain: bool = False) -> Camera:
    """A camera that does what ``label`` says, with the imperfections of real ones.

    Speeds run from barely visible to fast: pans and tilts 1.5 % to 60 % of the picture's width or height a second,
    zooms 2 % to 60 % a second, rolls 1.7 to 50 degrees a second.
    """
    zero = np.zeros(frames, dtype=np.float32)
    moves: dict[str, Array] = {
        "x": zero.copy(),
        "y": zero.copy(),
        "log_zoom": zero.copy(),
        "roll": zero.copy(),
    }
    span = {"x": 2 * aspect, "y": 2.0, "log_zoom": 1.0, "roll": 1.0}
    slowest = {"x": 0.015, "y": 0.015, "log_zoom": 0.02, "roll": 0.03}
    fastest = {"x": 0.6, "y": 0.6, "log_zoom": 0.6, "roll": 0.87}
    axis_sign = {
        "pan left": ("x", -1),
        "pan right": ("x", 1),
        "tilt up": ("y", -1),
        "tilt down": ("y", 1),
        "zoom in": ("log_zoom", 1),
        "zoom out": ("log_zoom", -1),
        "roll left": ("roll", -1),
        "roll right": ("roll", 1),
    }
    strength = 0.0  # of the move, as the share of the picture that its edge crosses in the clip
    if label in axis_sign:
        axis, sign = axis_sign[label]
        speed = _log_uniform(rng, slowest[axis] * (3 if plain else 1), fastest[axis] * (0.6 if plain else 1))
        moves[axis] = sign * span[axis] * speed * seconds * _progress(rng, frames)
        strength = speed * seconds * (0.5 if axis in ("log_zoom", "roll") else 1.0)
        if rng.random() < 0.4 and not plain:  # a lesser move on another axis
            other = str(rng.choice([a for a in moves if a != axis]))
            lesser = strength * rng.uniform(0, 0.35) * (2.0 if other in ("log_zoom", "roll") else 1.0)
            moves[other] = (rng.choice([-1, 1]) * span[other] * lesser * _progress(rng, frames)).astype(np.float32)
    shaking = label == "handheld" or (label != "static" and rng.random() < 0.4 and not plain)
    if shaking:
        size = _log_uniform(rng, 0.003, 0.03)
        if label != "handheld":
            size = min(size, strength * rng.uniform(0.05, 0.22))
        weights = rng.uniform(0.4, 1.0, 2)
        moves["x"] = moves["x"] + 2.0 * size * weights[0] * _shake(rng, frames, seconds)
        moves["y"] = moves["y"] + 2.0 * size * weights[1] * _shake(rng, frames, seconds)
        moves["roll"] = moves["roll"] + size * rng.uniform(0, 1.0) * _shake(rng, frames, seconds)
        moves["log_zoom"] = moves["log_zoom"] + size * rng.uniform(0, 0.4) * _shake(rng, frames, seconds)
        if label == "handheld":  # the hand drifts a little, less than it shakes
            for axis in ("x", "y"):
                drift = 2.0 * size * rng.uniform(-1, 1) * np.linspace(0, 1, frames)
                moves[axis] = (moves[axis] + drift).astype(np.float32)
    middle = {a: float(v.mean()) for a, v in moves.items()}
    return Camera(**{a: (v - middle[a]).astype(np.float32) for a, v in moves.items()})


# ------------------------------------------------------------------------------------------------------- scene


def picture_grid(side: int, aspect: float) -> Tensor:
    """Pixel centres as picture points, ``(1, side, side, 2)``."""
    line = (torch.arange(side) + 0.5) / side * 2 - 1
    y, x = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([x * aspect, y], -1)[None]


def _sample(texture: Tensor, points: Tensor, texels: float, centre: Tensor) -> Tensor:
    """Texture ``(S', S')`` uint8 at world points ``(T, H, W, 2)``; ``texels`` to a unit of world."""
    half = texture.shape[-1] / 2
    grid = points * (texels / half) + centre
    image = (texture.float() / 255)[None, None].expand(len(points), -1, -1, -1)
    return F.grid_sample(image, grid, mode="bilinear", padding_mode="reflection", align_corners=False)[:, 0]


def _soft(distance: Tensor, edge: float) -> Tensor:
    return torch.clamp(0.5 - distance / edge, 0, 1)


def _figure(rng: Rng, t: Array, q: Tensor, edge: float) -> tuple[Tensor, Tensor, Tensor]:
    """A person-like thing of capsules in its own coordinates (about one unit high).

    Args:
        rng: seeded generator.
        t: seconds of each frame, (T,).
        q: points in the figure's coordinates, (T, S, S, 2).
        edge: width of the soft edge.

    Returns:
        Coverage, shade and texture points, (T, S, S), (T, S, S), (T, S, S, 2).
    """
    beat, phase = rng.uniform(0.3, 1.6), rng.random()

    def swing(size: float) -> Array:
        turn = 2 * np.pi * (beat * t + phase + rng.choice([0.0, 0.5, rng.random()]))
        angle: Array = (rng.normal(0, 0.5) + size * np.sin(turn)).astype(np.float32)
        return angle

    def limb(start: Array, angle: Array, length: float) -> Array:
        tip: Array = start + length * np.stack([np.sin(angle), np.cos(angle)], -1).astype(np.float32)
        return tip

    lean = swing(rng.uniform(0, 0.6))
    hip = np.zeros((len(t), 2), np.float32)
    hip[:, 1] = swing(rng.uniform(0, 0.12)) * rng.uniform(0, 1)
    neck = limb(hip, lean + np.pi, 0.36)
    head = limb(neck, lean + np.pi, 0.12)
    parts: list[tuple[Array, Array, float]] = [(hip, neck, rng.uniform(0.07, 0.15)), (head, head, 0.085)]
    for joint, first, second, radius in ((neck, 0.18, 0.18, 0.035), (hip, 0.25, 0.25, 0.055)):
        for _ in range(2):
            angle = swing(rng.uniform(0, 1.2))
            elbow = limb(joint, angle, first)
            parts.append((joint, elbow, radius))
            parts.append((elbow, limb(elbow, angle + swing(rng.uniform(0, 0.8)), second), radius * 0.8))
    shades = rng.uniform(0, 1, 4)[rng.integers(0, 4, len(parts))]
    qx, qy = q.unbind(-1)
    nearest = torch.full_like(qx, 9.0)
    shade = torch.zeros_like(nearest)
    local_x, local_y = torch.zeros_like(nearest), torch.zeros_like(nearest)
    for (a, b, radius), tone in zip(parts, shades, strict=True):
        x0, y0, ax, ay = (torch.from_numpy(v)[:, None, None] for v in (*a.T, *(b - a).T))
        dx, dy = qx - x0, qy - y0
        along = ((dx * ax + dy * ay) / (ax * ax + ay * ay + 1e-9)).clamp_(0, 1)
        distance = torch.hypot(dx - along * ax, dy - along * ay) - radius
        closer = distance < nearest
        nearest = torch.minimum(nearest, distance)
        shade.masked_fill_(closer, float(tone))
        local_x, local_y = torch.where(closer, dx, local_x), torch.where(closer, dy, local_y)
    local = torch.stack([local_x, local_y], -1)
    return _soft(nearest, edge), shade, local


def _lump(rng: Rng, q: Tensor, edge: float) -> tuple[Tensor, Tensor, Tensor]:
    """A rigid thing: a superellipse, box-like to round, with a wavy outline."""
    power, stretch = rng.uniform(1.5, 6), rng.uniform(0.5, 1.8)
    x, y = q[..., 0] / stretch, q[..., 1]
    angle = torch.atan2(y, x)
    wave = 1 + rng.uniform(0, 0.25) * torch.sin(int(rng.integers(2, 7)) * angle + rng.uniform(0, 6))
    radius = (x.abs() ** power + y.abs() ** power + 1e-9) ** (1 / power)
    return _soft((radius - 0.4 * wave) * min(stretch, 1.0), edge), torch.full_like(x, rng.uniform(0, 1)), q


def _mover(rng: Rng, label: str, camera: Camera, p: Tensor, t: Array, bank: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """One thing with a motion of its own: coverage and grey values, both (T, S, S).

    It stands in the world, or, as a subject the camera follows, in the picture.
    """
    followed = rng.random() < (0.35 if label.startswith(("pan", "tilt")) else 0.1)
    points = (
        p.expand(len(t), -1, -1, -1) if followed else camera.world(p.expand(len(t), -1, -1, -1), rng.uniform(1.0, 1.3))
    )
    size = _log_uniform(rng, 0.35, 3.2)
    reach = float(p[..., 0].max())
    place = np.stack([rng.uniform(-1, 1) * reach, rng.uniform(-0.8, 0.9)]).astype(np.float32)
    if size > 1.5:
        place = place * np.float32(0.6)
    speed = rng.choice([0.0, 1.0], p=[0.35, 0.65]) * _log_uniform(rng, 0.03, 1.6) * (0.15 if followed else 1.0)
    heading = rng.choice([0.0, np.pi, rng.uniform(0, 2 * np.pi), np.pi / 2, -np.pi / 2], p=[0.3, 0.3, 0.2, 0.1, 0.1])
    track = place + (t - t.mean())[:, None] * speed * np.array([np.cos(heading), np.sin(heading)])
    if rng.random() < 0.5:  # up and down, to and fro: squats, push-ups, swings, jumps
        beat = rng.uniform(0.15, 1.5)
        sway = rng.uniform(0, 0.5) * size * np.sin(2 * np.pi * (beat * t + rng.random()))
        direction = rng.choice([np.pi / 2, 0.0, rng.uniform(0, np.pi)], p=[0.6, 0.2, 0.2])
        track = track + sway[:, None] * np.array([np.cos(direction), np.sin(direction)])
    grow = np.exp(rng.choice([0.0, rng.normal(0, 0.3)]) * (t - t.mean()))
    turn = rng.choice([0.0, np.pi / 2, -np.pi / 2, rng.uniform(-3, 3)], p=[0.6, 0.12, 0.12, 0.16])
    spin = turn + rng.choice([0.0, rng.normal(0, 0.8)], p=[0.7, 0.3]) * t
    c, s = (torch.from_numpy(np.asarray(f(spin), np.float32))[:, None, None] for f in (np.cos, np.sin))
    d = (points - torch.from_numpy(track.astype(np.float32))[:, None, None]) / torch.from_numpy(
        (size * grow).astype(np.float32)
    )[:, None, None, None]
    q = torch.stack([c * d[..., 0] + s * d[..., 1], -s * d[..., 0] + c * d[..., 1]], -1)
    edge = 2.0 / side / size * rng.uniform(1, 2)
    mask, shade, local = _figure(rng, t, q, edge) if rng.random() < 0.7 else _lump(rng, q, edge)
    texture = bank[int(rng.integers(len(bank)))]
    detail = _sample(
        texture, local, rng.uniform(60, 160), torch.from_numpy(rng.uniform(-0.6, 0.6, 2).astype(np.float32))
    )
    strength = rng.choice([rng.uniform(0, 0.3), rng.uniform(0, 1)])
    return mask, torch.clamp(shade + strength * (detail - 0.5), 0, 1)


def _near_layer(rng: Rng, camera: Camera, p: Tensor, T: int, bank: Tensor) -> tuple[Tensor, Tensor]:
    """Still things nearer than the background, which a moving camera passes faster: coverage and values."""
    depth = float(rng.uniform(1.15, 2.2))
    points = camera.world(p.expand(T, -1, -1, -1), depth)
    count = int(rng.integers(1, 5))
    mask = torch.zeros(points.shape[:-1])
    for _ in range(count):
        centre = torch.from_numpy((rng.uniform(-1.3, 1.3, 2) * [float(p[..., 0].max()), 1.0]).astype(np.float32))
        size = rng.uniform(0.1, 0.6)
        stretch = torch.tensor([1.0, float(rng.choice([1.0, rng.uniform(0.05, 0.5), 4.0]))])
        offset = (points - centre) * stretch
        distance = offset.abs().amax(-1) if rng.random() < 0.5 else torch.sqrt((offset * offset).sum(-1))
        mask = torch.maximum(mask, _soft(distance - size, 0.04))
    centre = torch.from_numpy(rng.uniform(-0.5, 0.5, 2).astype(np.float32))
    return mask, _sample(bank[int(rng.integers(len(bank)))], points, _log_uniform(rng, 40, 110), centre)


def _backdrop(rng: Rng, camera: Camera, p: Tensor, T: int, bank: Tensor, seconds: float) -> Tensor:
    """The background (T, S, S), with motion blur now and then."""
    texture = bank[int(rng.integers(len(bank)))]
    if rng.random() < 0.5:
        texture = texture.flip(-1)
    texels = _log_uniform(rng, 34, 110)
    centre = torch.from_numpy(rng.uniform(-0.4, 0.4, 2).astype(np.float32))
    here = camera.world(p.expand(T, -1, -1, -1))
    frame = _sample(texture, here, texels, centre)
    if rng.random() < 0.3:  # the shutter stays open for a share of the time to the next frame
        shutter = rng.uniform(0.1, 0.5)
        step = torch.cat([here[1:] - here[:-1], here[-1:] - here[-2:-1]]) * shutter
        frame = (
            frame + _sample(texture, here + step / 2, texels, centre) + _sample(texture, here + step, texels, centre)
        ) / 3
    return frame


# ------------------------------------------------------------------------------------- lens, sensor and codec


def _light(rng: Rng, frames: Tensor) -> Tensor:
    T = len(frames)
    line = torch.linspace(-1, 1, T)[:, None, None]
    if rng.random() < 0.35:  # exposure drifts, or flickers
        frames = frames * torch.exp(line * rng.normal(0, 0.2))
    if rng.random() < 0.15:
        frames = frames * (1 + torch.from_numpy(rng.normal(0, 0.05, (T, 1, 1)).astype(np.float32)))
    gamma = np.exp(rng.normal(0, 0.35))
    frames = frames.clamp(0, 1) ** gamma
    if rng.random() < 0.3:
        frames = frames * rng.uniform(0.15, 0.7)
    return frames


def _blur(frames: Tensor, sigma: float) -> Tensor:
    """Separable Gaussian blur, as two matrix products."""
    side = frames.shape[-1]
    line = torch.arange(side, dtype=torch.float32)
    kernel = torch.exp(-0.5 * ((line[:, None] - line[None]) / sigma) ** 2)
    kernel = kernel / kernel.sum(1, keepdim=True)
    return kernel @ frames @ kernel.T


def _compress(rng: Rng, frames: Tensor) -> Tensor:
    """Quantised 8 x 8 cosine blocks, and blocks that stay as they were while little changes in them."""
    T, S, _ = frames.shape
    blocks = frames.view(T, S // 8, 8, S // 8, 8).transpose(2, 3)
    n = torch.arange(8, dtype=torch.float32)
    basis = torch.cos(math.pi * (n[None] + 0.5) * n[:, None] / 8) * 0.5
    basis[0] /= math.sqrt(2)
    coefficients = basis @ blocks @ basis.T
    step = (0.01 + 0.012 * (n[:, None] + n[None])) * _log_uniform(rng, 0.3, 3.0)
    blocks = basis.T @ (torch.round(coefficients / step) * step) @ basis
    if rng.random() < 0.4:
        threshold = rng.uniform(0.003, 0.012)
        held = [blocks[0]]
        for t in range(1, T):
            still = (blocks[t] - held[-1]).abs().mean((-1, -2), keepdim=True) < threshold
            held.append(torch.where(still, held[-1], blocks[t]))
        blocks = torch.stack(held)
    return blocks.transpose(2, 3).reshape(T, S, S)


def _overlay(rng: Rng, frames: Tensor, bank: Tensor) -> Tensor:
    """What stands still in the picture whatever the camera does: captions, logos, black bars."""
    S = frames.shape[-1]
    frames = frames.clone()
    if rng.random() < 0.5:
        bar = int(rng.integers(2, S // 5))
        if rng.random() < 0.5:
            frames[:, :bar], frames[:, S - bar :] = 0.0, 0.0
        else:
            frames[:, :, :bar], frames[:, :, S - bar :] = 0.0, 0.0
    if rng.random() < 0.6:
        h, w = int(rng.integers(4, S // 5)), int(rng.integers(8, S // 2))
        top, left = int(rng.integers(0, S - h)), int(rng.integers(0, S - w))
        if rng.random() < 0.5:
            patch = bank[int(rng.integers(len(bank)))][:h, :w].float() / 255
        else:
            patch = (torch.from_numpy(rng.random((h, w)).astype(np.float32)) > 0.5).float()
        frames[:, top : top + h, left : left + w] = patch
    return frames


def _camera_faults(rng: Rng, frames: Tensor, bank: Tensor) -> Tensor:
    """Light, focus, overlays, noise and compression, in the order they happen."""
    frames = _light(rng, frames)
    if rng.random() < 0.35:
        frames = _blur(frames, _log_uniform(rng, 0.4, 2.0))
    if rng.random() < 0.12:
        frames = _overlay(rng, frames, bank)
    if rng.random() < 0.5:
        noise = _log_uniform(rng, 0.002, 0.05)
        frames = frames + torch.from_numpy(rng.normal(0, noise, frames.shape).astype(np.float32))
    if rng.random() < 0.35:
        frames = _compress(rng, frames)
    return torch.round(frames.clamp(0, 1) * 255) / 255


# -------------------------------------------------------------------------------------------------- whole clips


def camera_flow(camera: Camera, aspect: float, T: int, patches: int) -> Tensor:
    """Where the background at each patch centre came from: ``(T, G, G, 2)``, fractions of the picture's side."""
    p = picture_grid(patches, aspect).expand(T, -1, -1, -1)
    world = camera.world(p)
    before = Camera(*(np.concatenate([v[:1], v[:-1]]) for v in (camera.x, camera.y, camera.log_zoom, camera.roll)))
    return (p - before.picture(world)) / torch.tensor([2 * aspect, 2.0])


def render_clip(
    rng: Rng,
    bank: Tensor,
    *,
    label: int | None = None,
    frames: int = 12,
    rate: float = 6.0,
    side: int = 96,
    patches: int = 6,
    plain: bool = False,
) -> Clip:
    """Draw one clip.

    Args:
        rng: seeded generator; the clip is a function of its state and the bank.
        bank: textures, ``(n, S', S')`` uint8.
        label: index into ``LABELS``; any when None.
        frames: T.
        rate: frames per second.
        side: S, a multiple of 8.
        patches: G.
        plain: a lesson for beginners: a textured world, a clear move, and nothing that disturbs.
    """
    index = int(rng.integers(len(LABELS))) if label is None else label
    name = LABELS[index]
    t = (np.arange(frames) / rate).astype(np.float32)
    seconds = float(t[-1])
    aspect = float(rng.choice([16 / 9, 4 / 3, 1.0, 9 / 16, rng.uniform(0.5, 2.4)], p=[0.45, 0.2, 0.05, 0.15, 0.15]))
    camera = make_camera(rng, name, frames, seconds, aspect, plain)
    p = picture_grid(side, aspect)
    picture = _backdrop(rng, camera, p, frames, bank, seconds)
    if plain:
        return Clip(picture, index, camera_flow(camera, aspect, frames, patches))
    if rng.random() < 0.35:
        mask, value = _near_layer(rng, camera, p, frames, bank)
        picture = picture * (1 - mask) + value * mask
    hidden = torch.zeros_like(picture[0])
    for _ in range(int(rng.choice(4, p=[0.2, 0.4, 0.25, 0.15]))):
        mask, value = _mover(rng, name, camera, p, t, bank, side)
        # Enough of the world must stay in sight for the question to have an answer.
        if torch.maximum(hidden, mask.mean(0)).mean() > 0.72:
            continue
        hidden = torch.maximum(hidden, mask.mean(0))
        picture = picture * (1 - mask) + value * mask
    picture = _camera_faults(rng, picture, bank)
    return Clip(picture, index, camera_flow(camera, aspect, frames, patches))


_SWAPS: dict[str, Callable[[str], str]] = {
    "x": lambda s: _swap(_swap(s, "pan left", "pan right"), "roll left", "roll right"),
    "y": lambda s: _swap(_swap(s, "tilt up", "tilt down"), "roll left", "roll right"),
}


def _swap(text: str, a: str, b: str) -> str:
    return b if text == a else a if text == b else text


def mirror(clip: Clip, axis: str) -> Clip:
    """The clip seen in a mirror: left for right (``"x"``) or up for down (``"y"``), its label with it."""
    dim = -1 if axis == "x" else -2
    flow = clip.flow.flip(2 if axis == "x" else 1).clone()
    flow[..., 0 if axis == "x" else 1] *= -1
    return Clip(clip.frames.flip(dim), LABELS.index(_SWAPS[axis](LABELS[clip.label])), flow)


def backwards(clip: Clip) -> Clip:
    """The clip played backwards, every motion the opposite one."""
    name = LABELS[clip.label]
    for pair in (
        ("pan left", "pan right"),
        ("tilt up", "tilt down"),
        ("zoom in", "zoom out"),
        ("roll left", "roll right"),
    ):
        name = _swap(name, *pair)
    flow = torch.cat([clip.flow[:1] * 0, -clip.flow[1:].flip(0)])
    return Clip(clip.frames.flip(0), LABELS.index(name), flow)
