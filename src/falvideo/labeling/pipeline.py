"""One video to one result.

    reader -> grid of frames -> windows -> model -> scores -> segments and labels

A thread decodes while the model computes, another takes the file's digest; memory holds a few batches whatever the
length of the video.
"""

from __future__ import annotations

import hashlib
import os
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np

from falvideo.errors import NoFramesError, SourceUnreadableError
from falvideo.labeling.options import LabelOptions
from falvideo.labeling.result import LabelResult
from falvideo.labeling.timeline import Smoothing, clip_labels, make_segments
from falvideo.labeling.windows import WindowPlan, spread_times
from falvideo.models.catalogue import DEFAULT_MODEL
from falvideo.models.zoo import VideoClassifier, load_model
from falvideo.records import ClipScores, FrameBatch, SourceInfo, UInt8Array
from falvideo.video import VideoReader, open_video

Progress = Callable[[float, float | None], None]
"""Called with the seconds labelled so far, and the seconds in all when known."""


def label(
    source: str | os.PathLike[str],
    *,
    model: str | VideoClassifier = DEFAULT_MODEL,
    top_k: int = 5,
    threshold: float = 0.3,
    window: float | None = None,
    stride: float | None = None,
    start: float | None = None,
    end: float | None = None,
    device: str = "auto",
    batch_size: int = 8,
    on_progress: Progress | None = None,
) -> LabelResult:
    """Label one video.

    Args:
        source: path of a video file.
        model: an embedded model's name, a folder, a Hugging Face id, or a model from ``load_model``.
        top_k: labels kept for the whole clip.
        threshold: below this score a stretch is "unknown".
        window: seconds that the model sees at once; the model's own when None.
        stride: seconds between windows; half a window when None.
        start: seconds on the source's clock; the first frame when None.
        end: seconds, exclusive; the end when None.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ...
        batch_size: windows computed at once.
        on_progress: called with the seconds labelled so far, and the seconds in all when known.

    Returns:
        Labels of the whole clip, and the timeline.

    Raises:
        SourceError: the file cannot be labelled; the subclass says why.
        ModelError: the model cannot be used.
        UsageError: an argument is wrong.
    """
    options = LabelOptions(top_k, threshold, window, stride, start, end, batch_size)
    classifier = load_model(model, device=device) if isinstance(model, str) else model
    return label_video(source, classifier, options, on_progress)


def label_video(
    source: str | os.PathLike[str],
    classifier: VideoClassifier,
    options: LabelOptions,
    on_progress: Progress | None = None,
) -> LabelResult:
    """Label one video with a loaded model; see :func:`label`."""
    plan = WindowPlan.make(classifier.num_frames, classifier.frame_rate, options.window, options.stride)
    with open_video(source) as video, _Digest(source) as digest:
        scores = _score_windows(video, classifier, plan, options, on_progress)
        segments = make_segments(
            scores,
            video.frame_numbers_at,
            smoothing=Smoothing(threshold=options.threshold),
            span=_span(video, options),
        )
        return LabelResult(
            source=SourceInfo(
                uri=os.fsdecode(source),
                sha256=digest.hexdigest(),
                # A part was read: the file's own word for the whole, as far as it goes.
                duration=_whole_duration(video, options.end),
                fps=video.info.rate,
                variable_rate=video.variable_rate,
                start_time=video.info.start_time,
                width=video.info.width,
                height=video.info.height,
            ),
            model=classifier.info,
            labels=clip_labels(scores, segments, top_k=options.top_k),
            segments=segments,
            warnings=tuple(video.warnings),
        )


def _begin(video: VideoReader, options: LabelOptions) -> float:
    first = video.info.start_time
    return first if options.start is None else max(options.start, first)


def _span(video: VideoReader, options: LabelOptions) -> tuple[float, float]:
    """From when to when is labelled, seconds; known once the frames have been read."""
    finish = video.end_time if options.end is None else min(options.end, video.end_time)
    return _begin(video, options), finish


def _whole_duration(video: VideoReader, end: float | None) -> float:
    read = video.end_time - video.info.start_time
    return max(read, video.info.duration or 0.0) if end is not None else read


def _score_windows(
    video: VideoReader,
    classifier: VideoClassifier,
    plan: WindowPlan,
    options: LabelOptions,
    on_progress: Progress | None,
) -> ClipScores:
    height, width = classifier.decode_size(video.info.height, video.info.width)
    scores, times = [], []
    total = video.info.duration
    begin = _begin(video, options)
    if total is not None:
        finish = video.info.start_time + total
        total = max(0.0, (finish if options.end is None else min(finish, options.end)) - begin)
    with _Ahead(_batches(video, plan, options, height, width)) as batches:
        for frames, starts in _windows(batches, plan, options.batch_size):
            scores.append(classifier.scores(frames))
            times.extend(starts)
            if on_progress is not None:
                on_progress(times[-1] + plan.window - begin, total)
    if scores:
        windows = np.array([(t, t + plan.window) for t in times])
    else:
        windows, frames = _short_window(video, plan, options, height, width)
        scores.append(classifier.scores(frames))
    if on_progress is not None:
        begin, finish = _span(video, options)  # now that the end has been read
        on_progress(finish - begin, finish - begin)
    return ClipScores(windows, np.concatenate(scores), classifier.labels, classifier.multi_label)


def _batches(
    video: VideoReader, plan: WindowPlan, options: LabelOptions, height: int, width: int
) -> Iterator[FrameBatch]:
    return video.frames_at_rate(
        plan.rate,
        height=height,
        width=width,
        start=options.start,
        end=options.end,
        batch_size=plan.num_frames,
    )


def _windows(
    batches: Iterator[FrameBatch], plan: WindowPlan, batch_size: int
) -> Iterator[tuple[UInt8Array, list[float]]]:
    """Windows as soon as their frames are there: ``(M, T, H, W, 3)`` and the M start times, M at most ``batch_size``.

    They are those of ``plan.starts``. Holds little more than the frames of one batch of windows.
    """
    T, step = plan.num_frames, plan.step
    held: UInt8Array | None = None
    times: list[float] = []
    start = 0  # of the next window, counted from the first frame held

    def take(starts: list[int]) -> tuple[UInt8Array, list[float]]:
        assert held is not None
        return np.stack([held[s : s + T] for s in starts]), [times[s] for s in starts]

    for batch in batches:
        held = batch.frames if held is None else np.concatenate([held, batch.frames])
        times.extend(batch.times.tolist())
        while start + (batch_size - 1) * step + T <= len(held):
            yield take([start + i * step for i in range(batch_size)])
            start += batch_size * step
        # The last window of all ends with the last frame, so its T frames are always kept.
        drop = max(0, min(start, len(held) - T))
        held, times, start = held[drop:], times[drop:], start - drop
    if held is None or len(held) < T:
        return
    rest = list(range(start, len(held) - T + 1, step))
    covered = (rest[-1] if rest else start - step) + T
    if covered < len(held):
        rest.append(len(held) - T)
    for i in range(0, len(rest), batch_size):
        yield take(rest[i : i + batch_size])


def _short_window(
    video: VideoReader, plan: WindowPlan, options: LabelOptions, height: int, width: int
) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.float64]], UInt8Array]:
    """A video shorter than a window: one window, its frames spread evenly over what there is."""
    begin, finish = _span(video, options)
    if finish <= begin:
        raise NoFramesError(f"{video.info.uri}: no frame between {begin:.3f} and {finish:.3f} s", uri=video.info.uri)
    batch = video.get_frames_played_at(
        spread_times(begin, finish, plan.num_frames).tolist(), height=height, width=width
    )
    return np.array([[begin, finish]]), batch.frames[None]


class _Ahead:
    """Runs an iterator in a thread, a few items ahead; a context manager that stops it when left early."""

    def __init__(self, items: Iterator[FrameBatch], ahead: int = 4) -> None:
        self._items = items
        self._queue: queue.Queue[tuple[Literal["item", "error", "end"], object]] = queue.Queue(ahead)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="falvideo-decode", daemon=True)

    def __enter__(self) -> Iterator[FrameBatch]:
        self._thread.start()
        return self._taken()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            for item in self._items:
                if not self._put("item", item):
                    return
            self._put("end", None)
        except BaseException as error:  # noqa: BLE001  handed to the thread that waits for the frames
            self._put("error", error)

    def _put(self, kind: Literal["item", "error", "end"], value: object) -> bool:
        while not self._stop.is_set():
            try:
                self._queue.put((kind, value), timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def _taken(self) -> Iterator[FrameBatch]:
        while True:
            kind, value = self._queue.get()
            if kind == "error":
                assert isinstance(value, BaseException)
                raise value
            if kind == "end":
                return
            assert isinstance(value, FrameBatch)
            yield value


class _Digest:
    """The file's SHA-256, taken in a thread while it is decoded."""

    def __init__(self, source: str | os.PathLike[str]) -> None:
        self._path = Path(source)
        self._sha256 = hashlib.sha256()
        self._error: OSError | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="falvideo-digest", daemon=True)

    def __enter__(self) -> _Digest:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            with self._path.open("rb") as file:
                while not self._stop.is_set() and (block := file.read(1 << 20)):
                    self._sha256.update(block)
        except OSError as error:
            self._error = error

    def hexdigest(self) -> str:
        """Wait for the end of the file, and give the digest."""
        self._thread.join()
        if self._error is not None:
            raise SourceUnreadableError(
                f"{self._path}: {self._error.strerror or self._error}", uri=str(self._path)
            ) from self._error
        return self._sha256.hexdigest()
