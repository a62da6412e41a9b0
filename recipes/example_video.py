"""Draws ``examples/camera.mp4``, the short video that ``make demo`` labels: a drawn town under a virtual camera.

    python recipes/example_video.py examples/camera.mp4

Everything in it is drawn here, seeded. What the camera does when is ``SCRIPT``; the tests compare the labels with it.
"""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT, RATE = 640, 360, 25
WORLD_W, WORLD_H = 3000, 1700

SCRIPT: tuple[tuple[str, float], ...] = (
    ("static", 3.0),
    ("pan right", 4.0),
    ("zoom in", 3.5),
    ("static", 3.0),
    ("tilt up", 3.0),
    ("handheld", 4.0),
    ("roll left", 3.0),
    ("zoom out", 3.5),
)
"""What the camera does, and for how many seconds."""


def draw_world(rng: np.random.Generator) -> Image.Image:
    """A town below a sky: enough edges everywhere for the camera's motion to be seen."""
    rows = np.linspace(0, 1, WORLD_H)[:, None, None]
    sky = np.array([96, 150, 214]) * (1 - rows) + np.array([242, 214, 178]) * rows
    image = Image.fromarray(np.broadcast_to(sky, (WORLD_H, WORLD_W, 3)).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(45):  # clouds
        x, y = rng.uniform(0, WORLD_W), rng.uniform(0, WORLD_H * 0.5)
        tone = int(rng.uniform(215, 252))
        for _ in range(7):
            dx, dy, r = rng.normal(0, 60), rng.normal(0, 16), rng.uniform(14, 46)
            draw.ellipse([x + dx - r * 1.6, y + dy - r, x + dx + r * 1.6, y + dy + r], fill=(tone, tone, tone + 3))
    line = np.cumsum(rng.normal(0, 5, WORLD_W // 20 + 2))
    hills = [(i * 20, WORLD_H * 0.55 + float(v) * 2) for i, v in enumerate(line)]
    draw.polygon([(0, WORLD_H), *hills, (WORLD_W, WORLD_H)], fill=(116, 146, 108))
    draw.rectangle([0, WORLD_H * 0.8, WORLD_W, WORLD_H], fill=(122, 118, 112))
    x = -40.0
    while x < WORLD_W:
        x += draw_house(draw, rng, x)
    for _ in range(70):
        draw_tree(draw, rng)
    for _ in range(260):  # stones and marks on the street
        x, y = rng.uniform(0, WORLD_W), rng.uniform(WORLD_H * 0.82, WORLD_H)
        r, tone = rng.uniform(3, 14), int(rng.uniform(70, 190))
        draw.ellipse([x - r * 2, y - r / 2, x + r * 2, y + r / 2], fill=(tone, tone, tone - 8))
    return image.filter(ImageFilter.GaussianBlur(0.8))


def draw_house(draw: ImageDraw.ImageDraw, rng: np.random.Generator, x: float) -> float:
    w, h = rng.uniform(150, 330), rng.uniform(220, 620)
    top, ground = WORLD_H * 0.8 - h, WORLD_H * 0.8
    wall = tuple(int(v) for v in rng.uniform(90, 230, 3))
    draw.rectangle([x, top, x + w, ground], fill=wall)
    if rng.random() < 0.6:
        draw.polygon([(x - 12, top), (x + w / 2, top - rng.uniform(50, 120)), (x + w + 12, top)], fill=(130, 62, 52))
    lit = tuple(int(v) for v in rng.uniform(30, 90, 3))
    step_x, step_y = rng.uniform(42, 64), rng.uniform(56, 84)
    y = top + 24
    while y + 34 < ground:
        wx = x + 16
        while wx + 26 < x + w:
            if rng.random() < 0.88:
                draw.rectangle([wx, y, wx + 24, y + 34], fill=lit if rng.random() < 0.7 else (238, 220, 150))
            wx += step_x
        y += step_y
    return w + rng.uniform(4, 90)


def draw_tree(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    x, y = rng.uniform(0, WORLD_W), WORLD_H * rng.uniform(0.8, 0.84)
    size = rng.uniform(40, 110)
    draw.rectangle([x - 5, y - size, x + 5, y], fill=(92, 66, 48))
    for _ in range(16):
        dx, dy, r = rng.normal(0, size / 3), rng.normal(0, size / 3), rng.uniform(size / 6, size / 3)
        green = int(rng.uniform(70, 150))
        draw.ellipse([x + dx - r, y - size + dy - r, x + dx + r, y - size + dy + r], fill=(green // 2, green, 54))


def draw_walker(frame: Image.Image, x: float, y: float, size: float, turn: float) -> None:
    """Somebody who walks by, whatever the camera does."""
    draw = ImageDraw.Draw(frame)
    hip = (x, y - size * 0.45)
    for side in (1, -1):
        swing = side * np.sin(turn) * size * 0.18
        draw.line([hip, (x + swing, y)], fill=(40, 44, 70), width=max(2, int(size * 0.09)))
        draw.line(
            [(x, y - size * 0.78), (x - swing, y - size * 0.5)], fill=(176, 60, 54), width=max(2, int(size * 0.07))
        )
    draw.line([hip, (x, y - size * 0.82)], fill=(196, 70, 60), width=max(3, int(size * 0.16)))
    r = size * 0.09
    draw.ellipse([x - r, y - size - r, x + r, y - size + r], fill=(224, 178, 148))


def ease(t: float) -> float:
    return t * t * (3 - 2 * t) * 0.5 + t * 0.5


def camera_path(rng: np.random.Generator) -> list[tuple[float, float, float, float]]:
    """Centre x, centre y, world pixels per picture pixel, and clockwise roll in radians, of every frame."""
    x, y, scale, roll = 620.0, 1080.0, 1.25, 0.0
    path = []
    for label, seconds in SCRIPT:
        n = round(seconds * RATE)
        x0, y0, s0, r0 = x, y, scale, roll
        phase = rng.uniform(0, 6, 8)
        for i in range(n):
            p, t = ease((i + 1) / n), (i + 1) / RATE
            x, y, scale, roll = x0, y0, s0, r0
            if label == "pan right":
                x = x0 + 1250 * p
            elif label == "zoom in":
                scale = s0 * np.exp(-0.62 * p)
            elif label == "zoom out":
                scale = s0 * np.exp(0.75 * p)
            elif label == "tilt up":
                y = y0 - 420 * p
            elif label == "roll left":
                roll = r0 - 0.55 * p
            elif label == "handheld":
                hold = min(1.0, t * 2, (seconds - t) * 2)
                x = x0 + hold * 7 * (np.sin(5.1 * t + phase[0]) + 0.8 * np.sin(12.3 * t + phase[1]))
                y = y0 + hold * 6 * (np.sin(6.7 * t + phase[2]) + 0.8 * np.sin(14.9 * t + phase[3]))
                roll = r0 + hold * 0.006 * np.sin(8.3 * t + phase[4])
            path.append((x, y, scale, roll))
    return path


def make(path: Path) -> None:
    rng = np.random.default_rng(2024)
    world = draw_world(rng)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.time_base = Fraction(1, RATE)
        # One thread, so that the file is the same on every machine.
        stream.options = {"crf": "27", "preset": "slow", "threads": "1"}
        for i, (x, y, scale, roll) in enumerate(camera_path(rng)):
            c, s = np.cos(roll) * scale, np.sin(roll) * scale
            # Picture to world, about the picture's centre.
            matrix = (c, -s, x - c * WIDTH / 2 + s * HEIGHT / 2, s, c, y - s * WIDTH / 2 - c * HEIGHT / 2)
            scene = world
            if i < 7 * RATE:
                scene = world.copy()
                draw_walker(scene, 250 + 5.2 * i, WORLD_H * 0.83, 150, i / 4)
            picture = scene.transform((WIDTH, HEIGHT), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
            frame = av.VideoFrame.from_image(picture)
            frame.pts = i
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    make(Path(sys.argv[1] if len(sys.argv) > 1 else "examples/camera.mp4"))
