"""Draws ``docs/timeline.png`` of the README from a real run: labels the example and puts the timeline below its frames.

python recipes/readme_picture.py docs/timeline.png
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import falvideo
from falvideo.cli.table import PALETTE

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "camera.mp4"
WIDTH, SHOTS, MARGIN = 1600, 9, 24


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def main(path: Path) -> None:
    result = falvideo.label(EXAMPLE)
    begin, finish = result.segments[0].start, result.segments[-1].end
    inner = WIDTH - 2 * MARGIN
    shot_w = inner // SHOTS
    shot_h = shot_w * result.source.height // result.source.width
    image = Image.new("RGB", (WIDTH, shot_h + 200), "white")
    draw = ImageDraw.Draw(image)
    times = begin + (finish - begin) * (np.arange(SHOTS) + 0.5) / SHOTS
    with falvideo.open_video(EXAMPLE) as video:
        shots = video.get_frames_played_at(times.tolist(), height=shot_h, width=shot_w).frames
    for i, shot in enumerate(shots):
        image.paste(Image.fromarray(shot), (MARGIN + i * shot_w, MARGIN))
    names = list(dict.fromkeys(s.label for s in result.segments))
    top = MARGIN + shot_h + 14
    for s in result.segments:
        left, right = (MARGIN + inner * (t - begin) / (finish - begin) for t in (s.start, s.end))
        colour = PALETTE[names.index(s.label) % len(PALETTE)]
        draw.rectangle([left, top, right - 3, top + 54], fill=colour)
        choices = [(f"{s.label} {s.score:.0%}", 22), (f"{s.label} {s.score:.0%}", 16), (s.label, 16), ("", 16)]
        text, size = next(c for c in choices if draw.textlength(c[0], font(c[1])) < right - left - 12)
        dark = colour in ("#E69F00", "#56B4E9", "#F0E442", "#CC79A7")
        draw.text(((left + right) / 2, top + 27), text, "black" if dark else "white", font(size), "mm")
        draw.text((left, top + 66), f"{s.start:.1f} s", "#555555", font(18))
    draw.text((WIDTH - MARGIN, top + 66), f"{finish:.1f} s", "#555555", font(18), "ra")
    caption = f"$ falvideo label examples/camera.mp4   ({result.source.duration:.0f} s, {result.model.id}, offline)"
    draw.text((MARGIN, top + 104), caption, "#222222", font(22))
    image.crop((0, 0, WIDTH, top + 142)).save(path)
    print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/timeline.png"))
