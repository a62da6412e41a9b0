"""What every backend must do, on made videos whose frames show their numbers."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tests.media import damaged, draw_number, fast_start, make_video, read_number, truncated

from falvideo.errors import TimeRangeError, UsageError
from falvideo.video import BACKENDS, VideoReader, open_video, probe

SIZE = {"height": 32, "width": 64}


@pytest.fixture(params=sorted(BACKENDS))
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def numbers(
    video: VideoReader, rate: float, *, start: float | None = None, end: float | None = None
) -> tuple[list[float], list[int]]:
    """Grid times and the numbers shown, having checked the batch's own numbers against the picture."""
    batch_size = 7
    times: list[float] = []
    found: list[int] = []
    for batch in video.frames_at_rate(rate, **SIZE, start=start, end=end, batch_size=batch_size):
        assert batch.frames.shape == (len(batch.times), 32, 64, 3)
        assert 1 <= len(batch.times) <= batch_size
        shown = [read_number(f) for f in batch.frames]
        assert shown == batch.frame_numbers.tolist()
        times += batch.times.tolist()
        found += shown
    return times, found


def expected(starts: Sequence[Fraction], times: Sequence[float]) -> list[int]:
    return [max(k for k, s in enumerate(starts) if s <= Fraction(t) + Fraction(1, 10**6)) for t in times]


KINDS = [
    ("libx264", "mp4", 0),
    ("libx264", "mp4", 3),
    ("libx264", "mkv", 2),
    ("libx264", "ts", 2),
    ("libx264", "avi", 2),
    ("mpeg4", "avi", 2),
    ("mpeg4", "mp4", 2),
    ("mpeg2video", "mpg", 2),
    ("libvpx-vp9", "webm", None),
    ("libx265", "mp4", 3),
    ("gif", "gif", None),
]


@pytest.mark.parametrize(("codec", "suffix", "b_frames"), KINDS)
def test_every_frame_in_order(tmp_path: Path, backend: str, codec: str, suffix: str, b_frames: int | None) -> None:
    path = make_video(tmp_path / f"a.{suffix}", codec=codec, b_frames=b_frames, frames=30, rate=25)
    with open_video(path, backend=backend) as video:
        times, found = numbers(video, 25)
        assert found == list(range(30))
        assert video.end_time == pytest.approx(video.info.start_time + 30 / 25, abs=1e-3)
        assert times == [video.info.start_time + k / 25 for k in range(30)]
        assert not video.variable_rate
        assert video.warnings == []
        assert video.frame_numbers_at([video.end_time]).tolist() == [30]
        assert video.info.rate == 25


@pytest.mark.parametrize(
    ("suffix", "open_gop"), [("mp4", False), ("mp4", True), ("mkv", True), ("mkv", False), ("avi", False)]
)
@pytest.mark.parametrize("start", [2.5, 3.013, 5.9])
def test_starting_in_the_middle_gives_what_a_whole_pass_gives(
    tmp_path: Path, backend: str, suffix: str, open_gop: bool, start: float
) -> None:
    path = make_video(
        tmp_path / f"a.{suffix}",
        frames=150,
        rate=25,
        b_frames=3,
        open_gop=open_gop,
        options={"preset": "fast"},
    )
    with open_video(path, backend=backend) as video:
        first = video.info.start_time
        times, found = numbers(video, 25, start=first + start)
        assert video.frame_numbers_at([video.end_time]).tolist() == [150]
        assert numbers(video, 25)[1] == list(range(150))
        assert found == video.frame_numbers_at(times).tolist()
    assert times == [first + start + k / 25 for k in range(len(times))]
    assert found == list(range(int(start * 25), 150))


@pytest.mark.parametrize("codec", ["libx265", "libvpx-vp9", "mpeg4"])
def test_starting_in_the_middle_of_other_codecs(tmp_path: Path, backend: str, codec: str) -> None:
    path = make_video(tmp_path / "a.mp4", codec=codec, frames=100, b_frames=None if "vp9" in codec else 2)
    with open_video(path, backend=backend) as video:
        times, found = numbers(video, 30, start=2.71, end=3.2)
        assert found == expected([Fraction(k, 30) for k in range(100)], times)
        assert video.frame_numbers_at([2.71, 3.2]).tolist() == [81, 96]


def test_only_what_follows_a_key_frame_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = count_decoded(monkeypatch)
    path = make_video(tmp_path / "a.mp4", frames=150, gop=15)
    with open_video(path) as video:
        numbers(video, 10, start=4.0)
    assert counted[0] <= 1 + 10 + 45


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "gif"])
def test_variable_rate_shows_the_frame_on_display(tmp_path: Path, backend: str, suffix: str) -> None:
    ticks = [0, 1, 2, 5, 9, 10, 20, 21, 22, 30]
    codec = "gif" if suffix == "gif" else "libx264"
    path = make_video(tmp_path / f"a.{suffix}", codec=codec, pts=ticks, time_base=Fraction(1, 10), rate=10)
    starts = [Fraction(t, 10) for t in ticks]
    with open_video(path, backend=backend) as video:
        times, found = numbers(video, 8)
        assert found == expected(starts, times)
        assert video.variable_rate
        assert video.info.variable_rate is True
        sparse = video.get_frames_played_at([0.0, 0.49, 0.5, 1.99, 2.0, 2.25], **SIZE)
        assert [read_number(f) for f in sparse.frames] == [0, 2, 3, 5, 6, 8]
        assert sparse.frame_numbers.tolist() == [0, 2, 3, 5, 6, 8]


def test_non_zero_start(tmp_path: Path, backend: str) -> None:
    path = make_video(tmp_path / "a.mp4", frames=20, rate=10, start=5.0)
    with open_video(path, backend=backend) as video:
        assert video.info.start_time == 5.0
        assert numbers(video, 10, start=0.0)[0][0] == 5.0
        assert numbers(video, 10, start=6.0)[1] == list(range(10, 20))
        assert video.end_time == 7.0
        with pytest.raises(TimeRangeError, match=r"7\.000 s"):
            video.get_frames_played_at([7.0], **SIZE)
        with pytest.raises(TimeRangeError, match=r"5\.000 s"):
            video.get_frames_played_at([4.9], **SIZE)


@pytest.mark.parametrize(("clockwise", "turns"), [(90, -1), (180, 2), (270, 1)])
def test_rotation_is_applied(tmp_path: Path, backend: str, clockwise: int, turns: int) -> None:
    picture = draw_number(0b1010_0110_0000_0101, (96, 64))
    path = make_video(tmp_path / "a.mp4", frames=3, rotation=clockwise, pictures=[picture] * 3)
    upright = np.rot90(picture, turns)
    height, width = upright.shape[:2]
    with open_video(path, backend=backend) as video:
        assert video.info.rotation == clockwise
        assert (video.info.height, video.info.width) == (height, width)
        frame = video.get_frames_played_at([0.0], height=height, width=width).frames[0]
        assert np.abs(frame.astype(int) - upright).mean() < 8
        assert video.get_frames_played_at([0.0], height=20, width=30).frames.shape == (1, 20, 30, 3)


def test_a_rotation_that_is_no_quarter_turn_is_ignored_with_a_warning(tmp_path: Path, backend: str) -> None:
    path = make_video(tmp_path / "a.mp4", frames=3, rotation=45)
    info = probe(path)
    assert info.rotation == 0
    assert info.warnings == ("rotation ignored: 45 degrees, which is not a quarter turn",)


@pytest.mark.parametrize(
    ("size", "codec", "pixel_format"),
    [
        ((97, 65), "libx264", "yuv444p"),
        ((1, 1), "libx264", "yuv444p"),
        ((1, 1), "ffv1", "yuv444p"),
        ((3, 1), "ffv1", "yuv420p"),
        ((64, 64), "libx264", "yuv420p10le"),
        ((64, 64), "ffv1", "bgra"),
        ((64, 64), "ffv1", "gray"),
        ((64, 64), "libx265", "yuv422p10le"),
    ],
)
def test_sizes_and_pixel_formats(
    tmp_path: Path, backend: str, size: tuple[int, int], codec: str, pixel_format: str
) -> None:
    path = make_video(
        tmp_path / "a.mkv",
        size=size,
        codec=codec,
        pixel_format=pixel_format,
        pictures=[np.full((size[1], size[0], 3), v, np.uint8) for v in (40, 200)],
        frames=2,
    )
    with open_video(path, backend=backend) as video:
        assert (video.info.width, video.info.height) == size
        for height, width in ((1, 1), (5, 7), (224, 224)):
            frames = video.get_frames_played_at([0, 1 / 30 + 1e-3], height=height, width=width).frames
            assert frames.shape == (2, height, width, 3)
            assert np.abs(frames.mean(axis=(1, 2, 3)) - [40, 200]).max() < 6


def test_one_frame(tmp_path: Path, backend: str) -> None:
    path = make_video(tmp_path / "a.mp4", frames=1, rate=10)
    with open_video(path, backend=backend) as video:
        assert numbers(video, 100)[1] == [0] * 10
        assert video.end_time == pytest.approx(0.1)
        assert not video.variable_rate


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "flv"])
def test_truncated_gives_what_comes_before_and_a_warning(tmp_path: Path, backend: str, suffix: str) -> None:
    whole = make_video(tmp_path / f"a.{suffix}", frames=120)
    if suffix == "mp4":
        whole = fast_start(whole, tmp_path / "b.mp4")
    path = truncated(whole, tmp_path / f"cut.{suffix}", 0.5)
    with open_video(path, backend=backend) as video:
        found = numbers(video, 30)[1]
        assert 10 < len(found) < 90
        assert found[-1] == int(video.frame_numbers_at([video.end_time])[0]) - 1
        assert any(w.startswith("only the first") and "s could be read" in w for w in video.warnings)


def test_damage_in_the_middle_is_left_out(tmp_path: Path, backend: str) -> None:
    whole = fast_start(make_video(tmp_path / "a.mp4", frames=200), tmp_path / "b.mp4")
    path = damaged(whole, tmp_path / "c.mp4", 0.5, 1500)
    with open_video(path, backend=backend) as video:
        batches = list(video.frames_at_rate(30, **SIZE))
        last = batches[-1].frames[-1]
        assert read_number(last) == 199
        assert video.end_time == pytest.approx(200 / 30)
        assert [w for w in video.warnings if "damaged packet" in w]
        assert not [w for w in video.warnings if "truncated" in w]


def test_ranges(tmp_path: Path, backend: str) -> None:
    path = make_video(tmp_path / "a.mp4", frames=40, rate=10)
    with open_video(path, backend=backend) as video:
        assert numbers(video, 5, start=1.0, end=2.0) == ([1.0, 1.2, 1.4, 1.6, 1.8], [10, 12, 14, 16, 18])
        assert video.frame_numbers_at([1.0, 2.0]).tolist() == [10, 20]
        assert numbers(video, 0.5, end=2.0)[1] == [0]
        assert video.frame_numbers_at([2.0]).tolist() == [20]
        assert numbers(video, 10, end=99.0)[1] == list(range(40))
        for start, end in ((4.0, None), (3.0, 3.0), (3.0, 2.0), (50.0, None), (None, 0.0), (-2.0, -1.0)):
            with pytest.raises(TimeRangeError, match=r"lasts 4\.000 s.*give times from 0\.000 s to 4\.000 s"):
                list(video.frames_at_rate(5, **SIZE, start=start, end=end))
        with pytest.raises(TimeRangeError):
            video.frames_at_rate(5, **SIZE, start=float("nan"))


def test_wrong_arguments(tmp_path: Path, backend: str) -> None:
    path = make_video(tmp_path / "a.mp4", frames=4)
    with open_video(path, backend=backend) as video:
        for rate in (0, -1, float("nan"), float("inf")):
            with pytest.raises(UsageError):
                video.frames_at_rate(rate, **SIZE)
        with pytest.raises(UsageError):
            video.frames_at_rate(1, height=0, width=3)
        with pytest.raises(UsageError):
            video.frames_at_rate(1, **SIZE, batch_size=0)
        with pytest.raises(UsageError):
            video.get_frames_played_at([0.1, 0.0], **SIZE)
        assert video.get_frames_played_at([], **SIZE).frames.shape == (0, 32, 64, 3)
    with pytest.raises(UsageError, match="pyav"):
        open_video(path, backend="none")


def test_a_pass_ends_the_one_before_it(tmp_path: Path, backend: str) -> None:
    path = make_video(tmp_path / "a.mp4", frames=60)
    video = open_video(path, backend=backend)
    old = iter(video.frames_at_rate(30, **SIZE, batch_size=2))
    next(old)
    assert numbers(video, 30)[1] == list(range(60))
    with pytest.raises(ValueError, match="anew"):
        list(old)
    half = iter(video.frames_at_rate(30, **SIZE, batch_size=2))
    next(half)
    video.close()
    video.close()
    with pytest.raises(ValueError, match="closed"):
        list(half)
    with pytest.raises(ValueError, match="closed"):
        list(video.frames_at_rate(30, **SIZE))


def count_decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    from falvideo.video import decoding

    counted = [0]
    plain = decoding.decode

    def counting(*args: object) -> list[object]:
        frames = plain(*args)  # type: ignore[arg-type]
        counted[0] += len(frames)
        return list(frames)

    monkeypatch.setattr(decoding, "decode", counting)
    return counted


def test_one_pass_decodes_each_frame_once_and_converts_only_what_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from falvideo.video import pyav

    decoded = count_decoded(monkeypatch)
    converted = [0]
    plain = pyav._Converter.__call__

    def counting(self: pyav._Converter, frame: object) -> object:
        converted[0] += 1
        return plain(self, frame)  # type: ignore[arg-type]

    monkeypatch.setattr(pyav._Converter, "__call__", counting)
    path = make_video(tmp_path / "a.mp4", frames=90, b_frames=0)
    with open_video(path) as video:
        assert len(numbers(video, 4)[1]) == 12
    assert decoded == [90]
    assert converted == [12]
    decoded[0] = converted[0] = 0
    with open_video(path) as video:
        assert len(numbers(video, 120)[1]) == 360  # each frame at four grid times
    assert decoded == [90]
    assert converted == [90]


@pytest.mark.parametrize("rate", [1.3, 4, 7, 30])
@pytest.mark.parametrize("variable", [False, True])
def test_leaving_out_what_is_not_needed_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rate: float, variable: bool
) -> None:
    from falvideo.video import decoding

    rng = np.random.default_rng(1)
    ticks = np.cumsum(rng.integers(1, 9, 150)).tolist() if variable else None
    path = make_video(
        tmp_path / "a.mp4",
        frames=150,
        pts=ticks,
        time_base=Fraction(1, 90) if variable else None,
        b_frames=3,
        options={"preset": "fast"},
    )
    results, decoded = [], []
    for codec in ("h264", "none"):
        monkeypatch.setattr(decoding, "_SKIPPABLE_CODEC", codec)
        with monkeypatch.context() as patch:
            counted = count_decoded(patch)
            with open_video(path) as video:
                shown = numbers(video, rate)
                known = video.frame_numbers_at(np.arange(video.info.start_time, video.end_time, 0.01))
                some = video.get_frames_played_at([0.3, 0.31, 1.7, 2.9], **SIZE)
                results.append((shown, known.tolist(), some.frame_numbers.tolist(), video.end_time))
            results[-1] = (*results[-1], video.warnings)
            decoded.append(counted[0])
    assert results[0] == results[1]
    if rate < 7:
        assert decoded[0] < 0.85 * decoded[1]


def test_memory_does_not_grow_with_the_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from falvideo.video import decoding

    path = make_video(tmp_path / "a.mp4", frames=400)
    alive: list[object] = []
    most = 0
    plain = decoding.decode

    def watching(*args: object) -> list[object]:
        nonlocal most
        frames = list(plain(*args))  # type: ignore[arg-type]
        alive.extend(frames)
        # 2: this list and the argument of getrefcount; then the loop variable.
        alive[:] = [f for f in alive if sys.getrefcount(f) > 3]
        most = max(most, len(alive))
        return frames

    monkeypatch.setattr(decoding, "decode", watching)
    with open_video(path) as video:
        for _ in video.frames_at_rate(1, **SIZE, batch_size=1):
            pass
    assert most <= 40


def test_fine_texture_does_not_turn_into_patterns(tmp_path: Path, backend: str) -> None:
    y, x = np.mgrid[0:720, 0:1280]
    grey = 127 + 100 * np.sin(2 * np.pi * x / 3.3) * np.sin(2 * np.pi * y / 2.7)
    picture = np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)
    path = make_video(
        tmp_path / "a.mkv",
        frames=1,
        size=(1280, 720),
        codec="ffv1",
        pixel_format="yuv420p",
        pictures=[picture],
    )
    with open_video(path, backend=backend) as video:
        for height, width in ((96, 96), (224, 398)):
            small = video.get_frames_played_at([0.0], height=height, width=width).frames[0]
            assert small.std() < 1.5  # 25 when pixels are picked rather than averaged


def rgb_by_ffmpeg(path: Path, size: str) -> Iterator[np.ndarray]:
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        pytest.skip("the ffmpeg command is not here to compare with")
    width, height = map(int, size.split("x"))
    done = subprocess.run(
        [
            ffmpeg, "-v", "error", "-i", str(path), "-vsync", "passthrough", "-sws_flags", "bilinear",
            "-vf", f"scale={size}", "-f", "rawvideo", "-pix_fmt", "rgb24", "-",
        ],
        capture_output=True,
        check=True,
    )  # fmt: skip
    yield from np.frombuffer(done.stdout, np.uint8).reshape(-1, height, width, 3)


@pytest.mark.parametrize(
    ("name", "size", "tolerance"),
    [
        ("decord/video_90.mov", "80x142", 2.0),
        ("decord/video_180.mov", "142x80", 2.0),
        ("decord/video_270.mov", "80x142", 2.0),
        ("torchcodec/nasa_13013_rotated.mp4", "90x160", 2.0),
        ("torchcodec/discard_first_keyframe.mp4", "64x64", 2.0),
        ("torchcodec/test_non_zero_start.mp4", "100x56", 2.0),
        ("torchcodec/bt2020_10bit.mp4", "160x120", 3.0),
        ("torchcodec/bt709_full_range.mp4", "320x180", 3.0),
        ("torchcodec/bt601_limited_range.mp4", "160x120", 3.0),
        ("torchcodec/sine_stereo_mp2.mpg", "64x64", 3.0),
    ],
)
@pytest.mark.videos
def test_frames_are_those_of_the_ffmpeg_command(
    shared_videos: Path, backend: str, name: str, size: str, tolerance: float
) -> None:
    path = shared_videos / "varied" / name
    width, height = map(int, size.split("x"))
    reference = list(rgb_by_ffmpeg(path, size))
    with open_video(path, backend=backend) as video:
        rate = float(video.info.rate or 25)
        batches = list(video.frames_at_rate(4 * rate, height=height, width=width))
        assert int(video.frame_numbers_at([video.end_time])[0]) == len(reference)
    for batch in batches[:: max(1, len(batches) // 4)]:
        for frame, number in zip(batch.frames[::5], batch.frame_numbers[::5], strict=True):
            assert np.abs(frame.astype(int) - reference[int(number)]).mean() < tolerance
