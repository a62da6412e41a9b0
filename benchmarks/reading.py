"""How fast frames are read: falvideo beside OpenCV and torchcodec, in one run.

    python benchmarks/reading.py [--seconds 60] [--repeats 5]

Makes a 1280x720 H.264 video with moving texture, reads it at 4 frames a second resized to 398x224 with each
reader in turn, several times over, and prints the medians as a Markdown table. Each reader is used as its
documentation says for this task, with all cores; one that is not installed is left out, saying so.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np

RATE, HEIGHT, WIDTH = 4, 224, 398


def make_video(path: Path, seconds: int, *, rate: int = 30, size: tuple[int, int] = (1280, 720)) -> None:
    """Texture that pans and turns over a little, with noise, as a camera's picture does (about 5 Mbit/s)."""
    width, height = size
    rng = np.random.default_rng(0)
    scene = np.zeros((height + 256, width + 512, 3))
    for cell in (2, 8, 32, 128):
        rows, columns = -(-scene.shape[0] // cell), -(-scene.shape[1] // cell)
        coarse = rng.normal(size=(rows, columns, 3)) * cell**0.6
        scene += np.kron(coarse, np.ones((cell, cell, 1)))[: scene.shape[0], : scene.shape[1]]
    low, high = np.percentile(scene, (1, 99))
    scene8 = ((scene - low) / (high - low) * 255).clip(0, 255).astype(np.uint8)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.bit_rate = 5_000_000
        stream.options = {"preset": "veryfast"}
        for n in range(seconds * rate):
            x = int(256 + 250 * np.sin(n / 97))
            y = int(128 + 120 * np.sin(n / 61))
            picture = scene8[y : y + height, x : x + width].copy()
            ball = int((n * 5) % (width - 120))
            picture[300:420, ball : ball + 120] = scene8[:120, n % 256 : n % 256 + 120]
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        out.mux(stream.encode())


def with_falvideo(path: Path) -> int:
    from falvideo.video import open_video

    with open_video(path) as video:
        return sum(len(b.times) for b in video.frames_at_rate(RATE, height=HEIGHT, width=WIDTH))


def with_opencv(path: Path) -> int:
    import cv2

    capture = cv2.VideoCapture(str(path))
    count, wanted = 0, 0.0
    while capture.grab():
        if capture.get(cv2.CAP_PROP_POS_MSEC) / 1000 + 1e-6 < wanted:
            continue
        _, frame = capture.retrieve()
        # AREA is OpenCV's filter against aliasing when shrinking, as ours is; its default would not be fair.
        cv2.cvtColor(cv2.resize(frame, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB)
        count += 1
        wanted = count / RATE
    capture.release()
    return count


def with_torchcodec(path: Path) -> int:
    from torchcodec.decoders import VideoDecoder
    from torchcodec.transforms import Resize

    decoder = VideoDecoder(
        str(path), seek_mode="approximate", num_ffmpeg_threads=0, transforms=[Resize((HEIGHT, WIDTH))]
    )
    end = decoder.metadata.end_stream_seconds or 0.0
    times = [k / RATE for k in range(int(end * RATE + 1)) if k / RATE < end]
    count = 0
    for at in range(0, len(times), 32):
        count += len(decoder.get_frames_played_at(times[at : at + 32]).data)
    return count


READERS: dict[str, Callable[[Path], int]] = {
    "falvideo": with_falvideo,
    "OpenCV": with_opencv,
    "torchcodec": with_torchcodec,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--video", type=Path, help="read this file instead of making one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = arguments.video or Path(folder) / "made.mp4"
        if arguments.video is None:
            make_video(path, arguments.seconds)
        print(f"{path.stat().st_size * 8 / arguments.seconds / 1e6:.1f} Mbit/s, {os.cpu_count()} cores\n")
        readers = {}
        for name, reader in READERS.items():
            try:
                reader(path)  # also the warm-up
                readers[name] = reader
            except (ImportError, RuntimeError, OSError) as error:
                print(f"{name} left out: {str(error).splitlines()[0]}")
        seconds: dict[str, list[float]] = {name: [] for name in readers}
        counts: dict[str, int] = {}
        for _ in range(arguments.repeats):
            for name, reader in readers.items():  # in turn, so that a busy spell hits all alike
                began = time.perf_counter()
                counts[name] = reader(path)
                seconds[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(s) for name, s in seconds.items()}
    print("| reader | frames | seconds (median) | falvideo is faster by |\n|---|---|---|---|")
    for name, median in medians.items():
        ratios = [a / b for a, b in zip(seconds[name], seconds["falvideo"], strict=True)]
        print(f"| {name} | {counts[name]} | {median:.2f} | {statistics.median(ratios):.2f}x |")


if __name__ == "__main__":
    main()
