"""How fast whole videos are labelled with the embedded model, and how much memory that takes.

    python benchmarks/labelling.py [--minutes 10] [--long]

Makes a 10-minute 1280x720 H.264 video (the minute of ``reading.py``, repeated without encoding it again), runs the
``falvideo`` command on it in a process of its own, and prints how many times faster than it plays the command was,
start-up included, the share of decoding, and the largest memory. ``--long`` adds three hours of 1920x1080.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av

sys.path.insert(0, str(Path(__file__).parent))
from reading import make_video


def repeat(source: Path, path: Path, times: int) -> None:
    """The same packets again and again, with later timestamps."""
    with av.open(str(path), "w") as out:
        track, offset = None, 0
        for _ in range(times):
            with av.open(str(source)) as container:
                stream = container.streams.video[0]
                if track is None:
                    track = out.add_stream_from_template(stream)
                    # A second muxer may choose another time base than the one the packets have.
                    track.time_base = stream.time_base
                for packet in container.demux(stream):
                    if packet.dts is None:
                        continue
                    packet.pts += offset
                    packet.dts += offset
                    packet.stream = track
                    out.mux(packet)
                offset += stream.duration


def run_command(path: Path, out: Path) -> tuple[float, float]:
    """Seconds of the whole command and its peak memory in MB."""
    begun = time.monotonic()
    command = [sys.executable, "-m", "falvideo.cli.main", "label", str(path), "-o", str(out), "-q", "--overwrite"]
    child = subprocess.Popen(command)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"the command failed on {path}")
    kilo = 1 if sys.platform == "darwin" else 1024
    return time.monotonic() - begun, usage.ru_maxrss * kilo / 1e6


def decode_only(path: Path) -> float:
    """Seconds that reading the same frames takes by itself."""
    from falvideo.video import open_video

    begun = time.monotonic()
    with open_video(path) as video:
        for _ in video.frames_at_rate(6, height=96, width=96):
            pass
    return time.monotonic() - begun


def row(name: str, path: Path, seconds: float, out: Path, repeats: int) -> None:
    runs = [(run_command(path, out), decode_only(path)) for _ in range(repeats)]
    taken = statistics.median(run[0][0] for run in runs)
    memory = max(run[0][1] for run in runs)
    decoding = statistics.median(run[1] for run in runs)
    print(f"| {name} | {seconds / taken:.0f}x | {decoding / taken:.0%} | {memory:.0f} MB |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--long", action="store_true", help="also three hours of 1920x1080")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        make_video(base / "minute720.mp4", 60)
        repeat(base / "minute720.mp4", base / "720.mp4", arguments.minutes)
        print(f"{os.cpu_count()} cores\n")
        print("| video | times faster than it plays | decoding alone, share of the time | peak memory |")
        print("|---|---|---|---|", flush=True)
        row("1 minute of 720p", base / "minute720.mp4", 60, base / "out", arguments.repeats)
        row(
            f"{arguments.minutes} minutes of 720p",
            base / "720.mp4",
            arguments.minutes * 60,
            base / "out",
            arguments.repeats,
        )
        if arguments.long:
            make_video(base / "minute1080.mp4", 60, size=(1920, 1080))
            repeat(base / "minute1080.mp4", base / "1080.mp4", 180)
            row("3 hours of 1080p", base / "1080.mp4", 3 * 3600, base / "out", 1)


if __name__ == "__main__":
    main()
