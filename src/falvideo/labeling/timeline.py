"""Scores of windows to a timeline: pure arithmetic, no torch.

    window scores (M, K)
      -> grid      fine cells of time; a cell's score is the mean of the windows over it, nearer windows counting more
      -> path      the labelling of the cells that scores most, where every switch of label must pay for itself
      -> segments  runs of one label, "unknown" where nothing reaches the threshold

The path is found exactly by dynamic programming (Viterbi, 1967) over the labels and "unknown". Because a switch costs
the same in both directions of time, this is hysteresis without lag: a label holds until another is better by enough
for long enough, and the boundary stands where the scores cross, not where a counter ran out.

Letters: M windows, C cells, K labels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from falvideo.records import UNKNOWN, ClipScores, FloatArray, LabelScore, Segment, TimeArray


@dataclass(frozen=True)
class Smoothing:
    """How scores become segments.

    Attributes:
        threshold: a stretch whose label scores less than this on average is "unknown".
        switch_cost: seconds of certainty that a change of label must gain. 0.3 drops a flicker of 0.3 s at a score
            margin of 1, or of 1 s at a margin of 0.3.
    """

    threshold: float = 0.3
    switch_cost: float = 0.3


def cell_edges(windows: TimeArray, cells_per_stride: int = 4) -> TimeArray:
    """Edges of the fine grid: the span of all windows in equal cells, about a quarter of the stride each.

    Args:
        windows: ``(M, 2)`` seconds, starts ascending.
        cells_per_stride: cells between the starts of two windows.

    Returns:
        ``(C + 1,)`` float64 seconds.
    """
    start, end = float(windows[0, 0]), float(windows[:, 1].max())
    if len(windows) > 1:
        stride = float(np.median(np.diff(windows[:, 0])))
    else:
        stride = end - start
    count = max(1, round((end - start) / max(stride / cells_per_stride, 1e-6)))
    return np.linspace(start, end, count + 1)


def grid_scores(scores: ClipScores, edges: TimeArray) -> FloatArray:
    """Scores of the cells, ``(C, K)``: the weighted mean of the windows that cover a cell's middle.

    A window's weight falls linearly from its middle to near zero at its ends, so that between two middles the score
    passes smoothly from one window's to the next one's.
    """
    middles = (edges[:-1] + edges[1:]) / 2
    first = np.searchsorted(scores.windows[:, 0], middles, side="right")
    total = np.zeros((len(middles), scores.scores.shape[1]), dtype=np.float64)
    weight = np.zeros(len(middles))
    widest = float((scores.windows[:, 1] - scores.windows[:, 0]).max())
    oldest = np.searchsorted(scores.windows[:, 0], middles - widest, side="left")
    # Few windows overlap, so loop over "how many windows back", not over cells.
    for back in range(1, int((first - oldest).max(initial=0)) + 1):
        index = first - back
        index_ok = np.maximum(index, 0)
        start, end = scores.windows[index_ok, 0], scores.windows[index_ok, 1]
        half = np.maximum((end - start) / 2, 1e-9)
        near = 1 - np.abs(middles - (start + end) / 2) / half
        w = np.where((index >= 0) & (middles < end), np.maximum(near, 1e-3), 0.0)
        total += w[:, None] * scores.scores[index_ok]
        weight += w
    empty = weight == 0
    if empty.any():  # between windows further apart than they are long
        nearest = np.clip(first[empty] - 1, 0, None)
        total[empty], weight[empty] = scores.scores[nearest], 1.0
    return (total / weight[:, None]).astype(np.float32)


def best_path(gains: npt.NDArray[np.float64], switch_cost: float) -> npt.NDArray[np.int64]:
    """The state of each cell that gains most in total, a switch costing ``switch_cost`` (Viterbi).

    Args:
        gains: ``(C, S)``, what each state gains in each cell.
        switch_cost: in the same unit.

    Returns:
        ``(C,)`` states. Ties keep the state one is in.
    """
    C, S = gains.shape
    best = gains[0].copy()
    came_from = np.zeros((C, S), dtype=np.int64)
    stay = np.arange(S)
    for c in range(1, C):
        leader = int(best.argmax())
        switch = best[leader] - switch_cost
        moves = switch > best
        came_from[c] = np.where(moves, leader, stay)
        best = np.where(moves, switch, best) + gains[c]
    path = np.empty(C, dtype=np.int64)
    path[-1] = int(best.argmax())
    for c in range(C - 1, 0, -1):
        path[c - 1] = came_from[c, path[c]]
    return path


def _runs(path: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """``[first, last)`` of each run of equal values."""
    breaks = np.flatnonzero(np.diff(path)) + 1
    return list(zip([0, *breaks.tolist()], [*breaks.tolist(), len(path)], strict=True))


def make_segments(
    scores: ClipScores,
    frame_numbers_at: Callable[[Sequence[float]], npt.NDArray[np.int64]],
    *,
    smoothing: Smoothing | None = None,
    span: tuple[float, float] | None = None,
) -> tuple[Segment, ...]:
    """Segments of one video.

    Args:
        scores: of its windows.
        frame_numbers_at: gives the 0-based number of the frame on display at each of some times; for the end of the
            video, the number of frames.
        smoothing: see :class:`Smoothing`.
        span: seconds; the segments cover exactly this. The windows' own span when None.

    Returns:
        In order, covering the span without gap or overlap. Where a multi-label model gives several labels at once,
        the segment has the strongest; the clip's labels list them all.
    """
    smoothing = smoothing or Smoothing()
    edges = cell_edges(scores.windows)
    cells = grid_scores(scores, edges).astype(np.float64)
    if span is not None:
        edges = np.clip(edges, *span)
        edges[0], edges[-1] = span
        keep = np.flatnonzero(np.diff(edges) > 0)
        edges, cells = np.append(edges[keep], edges[-1]), cells[keep]
    widths = np.diff(edges)[:, None]
    cost = smoothing.switch_cost
    pieces: list[tuple[int, int, str]] = []  # first cell, cell after the last, label
    unknown = np.full((len(cells), 1), smoothing.threshold)
    path = best_path(np.concatenate([cells, unknown], axis=1) * widths, cost)
    for a, b in _runs(path):
        known = path[a] < cells.shape[1] and _mean(cells[a:b, path[a]], widths[a:b]) >= smoothing.threshold
        pieces.append((a, b, scores.labels[path[a]] if known else UNKNOWN))
    numbers = frame_numbers_at(edges.tolist())
    segments = []
    for a, b, label in _join_equal(pieces):
        means = (cells[a:b] * widths[a:b]).sum(0) / widths[a:b].sum()
        segments.append(
            Segment(
                start=float(edges[a]),
                end=float(edges[b]),
                start_frame=int(numbers[a]),
                end_frame=int(numbers[b]),
                label=label,
                score=_probability(means.max() if label == UNKNOWN else means[scores.labels.index(label)]),
            )
        )
    return tuple(segments)


def _mean(values: npt.NDArray[np.float64], widths: npt.NDArray[np.float64]) -> float:
    return float((values * widths[:, 0]).sum() / widths.sum())


def _join_equal(pieces: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Neighbours of one label become one: two that turned out unknown, or a model's own label "unknown" beside them."""
    joined: list[tuple[int, int, str]] = []
    for a, b, label in pieces:
        if joined and joined[-1][2] == label:
            joined[-1] = (joined[-1][0], b, label)
        else:
            joined.append((a, b, label))
    return joined


def _probability(value: float) -> float:
    return float(min(1.0, max(0.0, value)))


def clip_labels(scores: ClipScores, segments: Sequence[Segment], *, top_k: int = 5) -> tuple[LabelScore, ...]:
    """Labels of the whole clip, best first.

    A label's score is its mean over time: of a clip that pans for a third of its length, "pan left" gets about a
    third. Only when every segment is unknown, the first entry is "unknown" with the best label's score, and the
    candidates follow.
    """
    cells = grid_scores(scores, cell_edges(scores.windows))
    means = cells.mean(axis=0)
    order = np.argsort(-means, kind="stable")[: max(1, top_k)]
    labels = [LabelScore(scores.labels[k], _probability(float(means[k]))) for k in order]
    if all(segment.label == UNKNOWN for segment in segments) and labels[0].label != UNKNOWN:
        labels.insert(0, LabelScore(UNKNOWN, labels[0].score))
    return tuple(labels)
