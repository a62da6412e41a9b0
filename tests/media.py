"""Makers of test videos, through PyAV alone, with the number of each frame readable from its picture.

    path = make_video(tmp_path / "clip.mp4", frames=60, rate=30)
    read_number(frame)                      # 0-based, also from a resized frame

The number is drawn as 16 black or white blocks, 8 by 2, that survive compression and resizing.
"""

from __future__ import annotations

import math
import shutil
import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

_COLUMNS, _ROWS = 8, 2
BITS = _COLUMNS * _ROWS


def draw_number(number: int, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """RGB picture, (height, width, 3), of the 16 bits of ``number``; ``size`` is (width, height)."""
    width, height = size
    bits = np.array([number >> k & 1 for k in range(BITS)]).reshape(_ROWS, _COLUMNS)
    rows = np.arange(height) * _ROWS // height
    columns = np.arange(width) * _COLUMNS // width
    grey = np.where(bits[rows][:, columns], 235, 20).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def read_number(frame: npt.NDArray[np.uint8]) -> int:
    """The number drawn in an RGB picture, whatever its size (from 16x4 up)."""
    height, width = frame.shape[:2]
    grey = frame.mean(axis=2)
    number = 0
    for k in range(BITS):
        row, column = divmod(k, _COLUMNS)
        y, x = int((row + 0.5) * height / _ROWS), int((column + 0.5) * width / _COLUMNS)
        number |= int(grey[y, x] > 128) << k
    return number


def make_video(
    path: Path,
    *,
    frames: int = 60,
    rate: int | Fraction = 30,
    size: tuple[int, int] = (96, 64),
    codec: str = "libx264",
    pixel_format: str | None = None,
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    start: float = 0.0,
    b_frames: int | None = None,
    gop: int = 12,
    open_gop: bool = False,
    rotation: int | None = None,
    audio: bool = False,
    pictures: Iterable[npt.NDArray[np.uint8]] | None = None,
    options: dict[str, str] | None = None,
    format: str | None = None,
) -> Path:
    """Write a video whose frames show their numbers.

    Args:
        path: the suffix says the container.
        frames: how many.
        rate: frames per second.
        size: (width, height).
        codec: name of the encoder.
        pixel_format: the encoder's first choice if not given.
        pts: presentation ticks of each frame, for a variable rate.
        time_base: seconds per tick of ``pts``; one frame when not given.
        start: seconds before the first frame.
        b_frames: how many between references; the encoder's choice if not given.
        gop: frames from key frame to key frame.
        open_gop: let frames before a key frame refer to it (libx264).
        rotation: degrees clockwise that players shall turn the picture; 45 is possible, too.
        audio: add a silent sound track (AAC).
        pictures: RGB, to show instead of the numbers.
        options: of the encoder.
        format: of the container, where the suffix does not say it.
    """
    rate = Fraction(rate)
    base = time_base or 1 / rate
    ticks = list(pts) if pts is not None else list(range(frames))
    offset = round(Fraction(start) / base)
    if pictures is None:
        pictures = (draw_number(n, size) for n in range(len(ticks)))
    with av.open(str(path), "w", format=format) as out:
        stream = out.add_stream(codec, rate=rate, options=_encoder_options(codec, open_gop, options))
        stream.width, stream.height = size
        stream.pix_fmt = pixel_format or _pixel_format(codec, size)
        stream.gop_size = gop
        if b_frames is not None:
            stream.max_b_frames = b_frames
        stream.codec_context.time_base = base
        stream.time_base = base
        if rotation is not None:
            stream.set_display_rotation(-rotation)
        sound = out.add_stream("aac", rate=8000) if audio else None
        for tick, picture in zip(ticks, pictures, strict=False):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
            frame.pts, frame.time_base = tick + offset, base
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
        if sound is not None:
            seconds = float((ticks[-1] - ticks[0] + 1) * base)
            for frame in _silence(seconds):
                out.mux(sound.encode(frame))
            out.mux(sound.encode())
    return path


def make_audio(path: Path, *, seconds: float = 1.0, cover: bool = False) -> Path:
    """Write a file with sound only; with ``cover``, also a cover picture (as in music files)."""
    with av.open(str(path), "w", format="mp4") as out:
        sound = out.add_stream("aac", rate=8000)
        picture = None
        if cover:
            picture = out.add_stream("mjpeg", rate=1)
            picture.width, picture.height, picture.pix_fmt = 32, 32, "yuvj420p"
            picture.disposition = av.stream.Disposition.attached_pic
        for frame in _silence(seconds):
            out.mux(sound.encode(frame))
        out.mux(sound.encode())
        if picture is not None:
            shown = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 90, np.uint8), "rgb24")
            out.mux(picture.encode(shown.reformat(format="yuvj420p")))
            out.mux(picture.encode())
    return path


def truncated(source: Path, path: Path, keep: float) -> Path:
    """A copy that breaks off after the fraction ``keep`` of the bytes."""
    data = source.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    return path


def fast_start(source: Path, path: Path) -> Path:
    """A copy of an mp4 with its index in front, so that it can be read as far as it goes."""
    with av.open(str(source)) as a, av.open(str(path), "w", options={"movflags": "faststart"}) as b:
        stream = b.add_stream_from_template(a.streams.video[0])
        for packet in a.demux(a.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                b.mux(packet)
    return path


def damaged(source: Path, path: Path, at: float, length: int) -> Path:
    """A copy with ``length`` bytes overwritten from the fraction ``at`` of the file on."""
    data = bytearray(source.read_bytes())
    begin = int(len(data) * at)
    data[begin : begin + length] = np.random.default_rng(0).bytes(length)
    path.write_bytes(bytes(data))
    return path


def huge_size(path: Path, width: int = 65000, height: int = 65000) -> Path:
    """A Matroska file whose header declares a huge picture (which FFV1 leaves to the container to say)."""
    make_video(path, frames=2, size=(300, 300), codec="ffv1", format="matroska")
    data = path.read_bytes()
    for element, old, new in ((b"\xb0\x82", 300, width), (b"\xba\x82", 300, height)):
        before = element + struct.pack(">H", old)
        if data.count(before) != 1:
            raise ValueError("the size is not where it was expected")
        data = data.replace(before, element + struct.pack(">H", new))
    path.write_bytes(data)
    return path


def playlist(path: Path, address: str) -> Path:
    """An HLS playlist that names ``address``."""
    path.write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n" + address + "\n#EXT-X-ENDLIST\n", encoding="utf-8"
    )
    return path


def concat_script(path: Path, *names: str) -> Path:
    """An ffconcat script that names other files."""
    path.write_text("ffconcat version 1.0\n" + "".join(f"file {n}\n" for n in names), encoding="utf-8")
    return path


def copy(source: Path, path: Path) -> Path:
    """A plain copy."""
    shutil.copyfile(source, path)
    return path


def _encoder_options(codec: str, open_gop: bool, options: dict[str, str] | None) -> dict[str, str]:
    chosen = {
        "libx264": {"preset": "ultrafast", "crf": "18", "threads": "1", "sc_threshold": "0"},
        "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:pools=1:scenecut=0"},
        "libvpx": {"deadline": "realtime", "cpu-used": "8"},
        "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
        "libsvtav1": {"preset": "12", "svtav1-params": "lp=1"},
        "mpeg4": {"qscale": "3"},
    }.get(codec, {})
    if open_gop:
        chosen["x264-params"] = "open-gop=1"
    return {**chosen, **(options or {})}


def _pixel_format(codec: str, size: tuple[int, int]) -> str:
    if codec == "gif":
        return "rgb8"
    if codec == "ffv1":
        return "yuv444p"
    odd = size[0] % 2 or size[1] % 2
    return "yuv444p" if odd and codec == "libx264" else "yuv420p"


def _silence(seconds: float) -> Iterable[av.AudioFrame]:
    for n in range(math.ceil(seconds * 8000 / 1024)):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.rate, frame.pts = 8000, n * 1024
        yield frame
