"""One video to one result, with a model whose answers are known and with a small real one."""

from __future__ import annotations

import gc
import hashlib
import itertools
import os
import threading
import tracemalloc
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tests.labeling.fakes import BrightnessModel, grey_video
from tests.media import make_video, read_number

import falvideo
from falvideo.errors import NoFramesError, SourceNotFoundError, TimeRangeError, UsageError
from falvideo.exports import load_json, render
from falvideo.labeling import pipeline
from falvideo.labeling.options import LabelOptions
from falvideo.labeling.pipeline import label_video
from falvideo.models.zoo import VideoClassifier
from falvideo.records import UInt8Array
from falvideo.video.pyav import PyAVReader


@pytest.fixture(scope="module")
def dark_then_bright(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """4 s dark, 6 s bright, 10 frames a second."""
    return grey_video(tmp_path_factory.mktemp("video") / "clip.mp4", [20] * 40 + [235] * 60)


def threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("falvideo")]


def run(path: Path, model: object | None = None, **options: object) -> falvideo.LabelResult:
    return label_video(path, model or BrightnessModel(), LabelOptions(**options))  # type: ignore[arg-type]


def test_the_timeline_of_a_dark_and_a_bright_half(dark_then_bright: Path) -> None:
    model = BrightnessModel()
    result = run(dark_then_bright, model, batch_size=3)
    first, second = result.segments
    assert (first.label, second.label) == ("dark", "bright")
    assert (first.start, second.end) == (0.0, 10.0)
    assert abs(first.end - 4.0) <= 0.25
    assert (first.start_frame, second.end_frame) == (0, 100)
    assert first.end_frame == second.start_frame == pytest.approx(first.end * 10, abs=1)
    assert [entry.label for entry in result.labels] == ["bright", "dark"]
    assert result.labels[0].score == pytest.approx(0.59, abs=0.05)
    assert result.warnings == ()
    # 40 grid frames in windows of 4, two apart: 19 windows, three at once.
    assert model.batches == [3] * 6 + [1]


def test_what_is_said_of_the_source(dark_then_bright: Path) -> None:
    source = run(dark_then_bright).source
    assert source.uri == str(dark_then_bright)
    assert source.sha256 == hashlib.sha256(dark_then_bright.read_bytes()).hexdigest()
    assert (source.width, source.height, source.fps) == (32, 16, Fraction(10))
    assert (source.duration, source.start_time, source.variable_rate) == (10.0, 0.0, False)


def test_through_the_public_name_with_a_real_model(dark_then_bright: Path, tiny_model: VideoClassifier) -> None:
    result = falvideo.label(dark_then_bright, model=tiny_model, top_k=2)
    assert len(result.labels) == 2
    assert {s.label for s in result.segments} <= {"one", "two", "three", "unknown"}
    assert result.model == tiny_model.info
    assert render(load_json(render(result, "json")), "json") == render(result, "json")
    again = falvideo.label(str(dark_then_bright), model=tiny_model, top_k=2, batch_size=1)
    for a, b in zip(result.segments, again.segments, strict=True):
        assert (a.start, a.end, a.label) == (b.start, b.end, b.label)
        assert a.score == pytest.approx(b.score, abs=1e-5)


def test_files_saved(dark_then_bright: Path, tmp_path: Path) -> None:
    result = run(dark_then_bright)
    written = result.save(tmp_path / "out", formats=["json", "vtt"])
    assert [p.name for p in written] == ["clip.mp4.json", "clip.mp4.vtt"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["clip.mp4.json", "clip.mp4.vtt"]


@pytest.mark.parametrize("frames", [1, 2, 9])
def test_shorter_than_a_window(tmp_path: Path, frames: int) -> None:
    path = grey_video(tmp_path / "short.mp4", [235] * frames)
    model = BrightnessModel()
    result = run(path, model)
    (segment,) = result.segments
    assert (segment.label, segment.start, segment.end) == ("bright", 0.0, pytest.approx(frames / 10))
    assert (segment.start_frame, segment.end_frame) == (0, frames)
    assert model.batches == [1]


def test_exactly_one_window_and_a_frame_more(tmp_path: Path) -> None:
    for frames, windows in ((10, 1), (13, 2)):
        model = BrightnessModel()
        run(grey_video(tmp_path / f"{frames}.mp4", [235] * frames), model)
        assert sum(model.batches) == windows


def test_a_part_has_the_windows_of_the_whole(tmp_path: Path) -> None:
    path = make_video(tmp_path / "n.mp4", frames=100, rate=10, size=(64, 32))

    def seen(**options: float) -> list[tuple[int, ...]]:
        windows: list[tuple[int, ...]] = []

        def keep(frames: UInt8Array) -> None:
            windows.extend(tuple(read_number(frame) for frame in window) for window in frames)

        run(path, BrightnessModel(frame_rate=5.0, on_scores=keep), **options)
        return windows

    whole = seen()
    assert whole[0] == (0, 2, 4, 6)
    assert whole[1] == (4, 6, 8, 10)
    # Windows start every 0.4 s: a part that begins on such a time has the same ones.
    assert seen(start=2.0, end=8.0) == [w for w in whole if w[0] >= 20 and w[-1] < 80]
    assert seen(start=4.0) == [w for w in whole if w[0] >= 40]


def test_the_result_of_a_part(dark_then_bright: Path) -> None:
    result = run(dark_then_bright, start=3.0, end=6.0)
    assert (result.segments[0].start, result.segments[-1].end) == (3.0, 6.0)
    assert (result.segments[0].start_frame, result.segments[-1].end_frame) == (30, 60)
    assert [s.label for s in result.segments] == ["dark", "bright"]
    assert result.source.duration == pytest.approx(10.0)
    assert result.source.sha256 == hashlib.sha256(dark_then_bright.read_bytes()).hexdigest()
    late = run(dark_then_bright, start=6.0, end=1000.0)
    assert (late.segments[0].start, late.segments[-1].end) == (6.0, 10.0)
    assert late.segments[-1].end_frame == 100
    assert run(dark_then_bright, start=-5.0).segments == run(dark_then_bright).segments
    short = run(dark_then_bright, start=9.8, end=9.9)
    assert [(s.start, s.end, s.start_frame, s.end_frame) for s in short.segments] == [(9.8, 9.9, 98, 99)]


def test_a_part_outside_of_the_video(dark_then_bright: Path) -> None:
    with pytest.raises(TimeRangeError, match=r"10\.000 s"):
        run(dark_then_bright, start=10.0)
    with pytest.raises(TimeRangeError):
        run(dark_then_bright, end=0.0)
    with pytest.raises(UsageError, match="--stride"):
        run(dark_then_bright, stride=1.5)
    with pytest.raises(SourceNotFoundError):
        run(dark_then_bright.with_name("nope.mp4"))
    assert threads() == []


def test_a_clock_that_does_not_begin_at_zero(tmp_path: Path) -> None:
    path = grey_video(tmp_path / "late.ts", [20] * 30 + [235] * 30, start=5.0, codec="mpeg2video", rate=25)
    result = run(path)
    first = result.source.start_time
    assert first > 4.9
    assert result.segments[0].start == first
    assert result.segments[-1].end == pytest.approx(first + 2.4, abs=0.05)
    assert result.segments[-1].end_frame == 60
    assert [s.label for s in result.segments] == ["dark", "bright"]
    assert result.segments[0].end == pytest.approx(first + 1.2, abs=0.25)
    done: list[tuple[float, float | None]] = []
    label_video(path, BrightnessModel(), LabelOptions(start=0.0), lambda *p: done.append(p))  # type: ignore[arg-type]
    assert done[-1][0] == pytest.approx(2.4, abs=0.01)


def test_a_rate_that_varies(tmp_path: Path) -> None:
    # Ten frames in the first second, then one a second: the change is at 4 s, of 14 frames.
    ticks = [*range(0, 1000, 100), 1000, 2000, 3000, 4000, 5000, 6000, 7000]
    levels = [20] * 13 + [235] * 4
    result = run(grey_video(tmp_path / "vfr.mkv", levels, pts=ticks, time_base=Fraction(1, 1000)))
    assert result.source.variable_rate
    first, second = result.segments
    assert (first.label, second.label) == ("dark", "bright")
    assert abs(first.end - 4.0) <= 0.25
    assert second.end_frame == 17
    assert second.start_frame in (12, 13)


def test_one_pass_however_much_windows_overlap(dark_then_bright: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    for name in ("frames_at_rate", "get_frames_played_at"):
        original = getattr(PyAVReader, name)

        def counted(self: PyAVReader, *a: object, _f: object = original, _n: str = name, **k: object) -> object:
            calls.append(_n)
            return _f(self, *a, **k)  # type: ignore[operator]

        monkeypatch.setattr(PyAVReader, name, counted)
    model = BrightnessModel()
    run(dark_then_bright, model, stride=0.25)
    assert calls == ["frames_at_rate"]
    assert sum(model.batches) == 37


def test_progress_goes_up_to_the_end(dark_then_bright: Path) -> None:
    told: list[tuple[float, float | None]] = []
    model = BrightnessModel()
    options = LabelOptions(batch_size=2)
    label_video(dark_then_bright, model, options, lambda done, total: told.append((done, total)))  # type: ignore[arg-type]
    done = [d for d, _ in told]
    assert done == sorted(done)
    assert done[-1] == pytest.approx(10.0)
    assert all(total == pytest.approx(10.0) for _, total in told)


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    def peak(frames: int) -> int:
        path = make_video(tmp_path / f"{frames}.mp4", frames=frames, rate=10, size=(64, 32))
        gc.collect()
        tracemalloc.start()
        try:
            run(path, batch_size=2)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)  # what is loaded once
    # The digest reads blocks of 1 MiB; a thousand frames of 8x16 would be 384 kB, held all at once.
    assert peak(3000) - peak(300) < 200_000


def test_an_error_while_decoding_reaches_the_caller(dark_then_bright: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = PyAVReader.frames_at_rate

    def failing(self: PyAVReader, *a: object, **k: object) -> Iterator[object]:
        frames = original(self, *a, **k)  # type: ignore[arg-type]

        def some() -> Iterator[object]:
            yield from itertools.islice(frames, 2)
            raise NoFramesError("x.mp4: broke off")

        return some()

    monkeypatch.setattr(PyAVReader, "frames_at_rate", failing)
    with pytest.raises(NoFramesError, match="broke off"):
        run(dark_then_bright)
    assert threads() == []


@pytest.mark.parametrize("kind", [KeyboardInterrupt, RuntimeError])
def test_leaving_early_stops_the_threads_and_closes_the_file(tmp_path: Path, kind: type[BaseException]) -> None:
    path = make_video(tmp_path / "long.mp4", frames=600, rate=10, size=(64, 32))

    def stop(_: UInt8Array) -> None:
        raise kind

    with pytest.raises(kind):
        run(path, BrightnessModel(on_scores=stop), batch_size=1)
    assert threads() == []
    gc.collect()
    if Path("/proc/self/fd").is_dir():
        assert path not in [Path(os.path.realpath(descriptor)) for descriptor in Path("/proc/self/fd").iterdir()]


def test_decoding_waits_for_the_model(dark_then_bright: Path) -> None:
    made = 0

    def batches() -> Iterator[object]:
        nonlocal made
        for _ in range(100):
            made += 1
            yield falvideo.records.FrameBatch(  # type: ignore[attr-defined]
                np.zeros((1, 1, 1, 3), np.uint8), np.zeros(1), np.zeros(1, np.int64)
            )

    with pipeline._Ahead(batches(), ahead=3) as taken:  # type: ignore[arg-type]
        next(taken)
        for _ in range(20):
            threading.Event().wait(0.01)
        assert made <= 5  # one taken, three waiting, one in the hand
    assert threads() == []
