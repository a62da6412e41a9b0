"""Scores of windows to segments: against brute force, and by what must always hold."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from falvideo.labeling.timeline import (
    Smoothing,
    best_path,
    cell_edges,
    clip_labels,
    grid_scores,
    make_segments,
)
from falvideo.records import UNKNOWN, ClipScores, Segment

FRAMES_A_SECOND = 25


def numbers(seconds: Sequence[float]) -> npt.NDArray[np.int64]:
    return np.round(np.asarray(seconds) * FRAMES_A_SECOND).astype(np.int64)


def clip(scores: npt.ArrayLike, *, window: float = 2.0, stride: float = 1.0, start: float = 0.0) -> ClipScores:
    """Evenly placed windows with these scores, ``(M, K)``; the labels are a, b, c, ..."""
    values = np.asarray(scores, dtype=np.float32)
    starts = start + stride * np.arange(len(values))
    labels = tuple("abcdefgh"[: values.shape[1]])
    return ClipScores(np.stack([starts, starts + window], axis=1), values, labels)


def one_hot(sequence: str, labels: str = "ab", high: float = 0.9) -> ClipScores:
    low = (1 - high) / (len(labels) - 1)
    return clip([[high if label == wanted else low for label in labels] for wanted in sequence])


def total_gain(gains: npt.NDArray[np.float64], path: Sequence[int], cost: float) -> float:
    switches = sum(a != b for a, b in itertools.pairwise(path))
    return float(sum(gains[c, state] for c, state in enumerate(path)) - cost * switches)


@st.composite
def clip_scores(draw: st.DrawFn) -> ClipScores:
    count, labels = draw(st.integers(1, 12)), draw(st.integers(1, 4))
    rows = [[draw(st.floats(0, 1, width=32)) for _ in range(labels)] for _ in range(count)]
    stride = draw(st.sampled_from([0.1, 0.5, 1.0, 3.0]))
    window = stride * draw(st.sampled_from([1, 1.5, 2, 4]))
    return clip(rows, window=window, stride=stride, start=draw(st.sampled_from([0.0, 1.4, 1e5])))


smoothings = st.builds(Smoothing, threshold=st.floats(0, 1), switch_cost=st.floats(0, 3))


@given(data=st.data())
def test_best_path_is_the_best_of_all_paths(data: st.DataObject) -> None:
    cells, states = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 3))
    gains = np.array([[data.draw(st.integers(0, 8)) for _ in range(states)] for _ in range(cells)], dtype=np.float64)
    cost = data.draw(st.sampled_from([0.0, 0.5, 1.0, 2.5, 100.0]))
    every = itertools.product(range(states), repeat=cells)
    found = best_path(gains, cost).tolist()
    assert total_gain(gains, found, cost) == max(total_gain(gains, path, cost) for path in every)


def test_best_path_keeps_its_state_on_a_tie() -> None:
    gains = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 1.0]])
    assert best_path(gains, 0.0).tolist() == [0, 0, 0]


@given(scores=clip_scores(), value=st.floats(0, 1, width=32))
def test_the_grid_of_constant_scores_is_constant(scores: ClipScores, value: float) -> None:
    constant = ClipScores(scores.windows, np.full_like(scores.scores, value), scores.labels)
    cells = grid_scores(constant, cell_edges(constant.windows))
    assert np.allclose(cells, value, atol=1e-6)


@given(scores=clip_scores())
def test_the_grid_covers_the_windows_and_stays_within_their_scores(scores: ClipScores) -> None:
    edges = cell_edges(scores.windows)
    assert edges[0] == scores.windows[0, 0]
    assert edges[-1] == scores.windows[:, 1].max()
    assert (np.diff(edges) > 0).all()
    cells = grid_scores(scores, edges)
    assert (cells >= scores.scores.min(axis=0) - 1e-6).all()
    assert (cells <= scores.scores.max(axis=0) + 1e-6).all()


def test_a_cell_in_a_gap_between_windows_takes_the_window_before() -> None:
    scores = clip([[1.0, 0.0], [0.0, 1.0]], window=1.0, stride=4.0)
    cells = grid_scores(scores, np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0]))
    assert cells[:, 0].tolist() == [1, 1, 1, 1, 0]


@given(scores=clip_scores(), smoothing=smoothings, data=st.data())
def test_what_holds_for_segments_of_any_scores(scores: ClipScores, smoothing: Smoothing, data: st.DataObject) -> None:
    begin, finish = float(scores.windows[0, 0]), float(scores.windows[-1, 1])
    span = data.draw(st.sampled_from([None, (begin, finish), (begin + 0.01, finish - 0.02), (begin, finish + 5.0)]))
    segments = make_segments(scores, numbers, smoothing=smoothing, span=span)
    assert (segments[0].start, segments[-1].end) == (span or (begin, finish))
    for a, b in itertools.pairwise(segments):
        assert a.end == b.start
        assert a.end_frame == b.start_frame
        assert a.label != b.label
    for s in segments:
        assert s.start < s.end
        assert s.start_frame <= s.end_frame
        assert 0.0 <= s.score <= 1.0
        if s.label == UNKNOWN:
            assert s.score <= smoothing.threshold + 1e-6
        else:
            assert s.score >= smoothing.threshold - 1e-6


def test_nothing_above_the_threshold_is_one_unknown_segment() -> None:
    (segment,) = make_segments(clip([[0.2, 0.1], [0.1, 0.25], [0.2, 0.2]]), numbers)
    assert segment.label == UNKNOWN
    assert 0.1 < segment.score < 0.25


def test_a_model_with_a_label_unknown_of_its_own_gives_no_two_unknown_neighbours() -> None:
    values = np.array([[0.9, 0.1]] * 5 + [[0.1, 0.1]] * 5, dtype=np.float32)
    starts = np.arange(10.0)
    scores = ClipScores(np.stack([starts, starts + 2], axis=1), values, (UNKNOWN, "b"))
    assert [s.label for s in make_segments(scores, numbers)] == [UNKNOWN]


@pytest.mark.parametrize("length", [1, 2])
def test_an_isolated_flicker_is_removed(length: int) -> None:
    scores = clip([[0.6, 0.4]] * 8 + [[0.45, 0.55]] * length + [[0.6, 0.4]] * 8, window=0.5, stride=0.25)
    assert [s.label for s in make_segments(scores, numbers)] == ["a"]


@pytest.mark.parametrize("at", [3, 7, 12])
def test_a_clear_change_is_placed_within_a_cell_of_where_it_is(at: int) -> None:
    scores = one_hot("a" * at + "b" * (20 - at))
    first, second = make_segments(scores, numbers)
    assert (first.label, second.label) == ("a", "b")
    # Windows are 2 s long and start each second: the middles of the last a and the first b are at and at + 1.
    middle = at + 0.5
    assert abs(first.end - middle) <= 0.25
    assert first.score > 0.8


def test_a_change_has_the_same_place_when_time_runs_backwards() -> None:
    sequence = "a" * 6 + "b" * 9
    forward, backward = (make_segments(one_hot(s), numbers) for s in (sequence, sequence[::-1]))
    assert forward[0].end == pytest.approx(16 - backward[0].end, abs=0.25)


def segment(label: str) -> Segment:
    return Segment(0.0, 1.0, 0, 25, label, 0.5)


def test_the_clips_labels_come_best_first_and_no_more_than_asked() -> None:
    scores = clip([[0.2, 0.5, 0.3], [0.2, 0.5, 0.3]])
    known = [segment("b")]
    assert [entry.label for entry in clip_labels(scores, known)] == ["b", "c", "a"]
    assert [entry.label for entry in clip_labels(scores, known, top_k=2)] == ["b", "c"]
    assert clip_labels(scores, known, top_k=1)[0].score == pytest.approx(0.5)


def test_where_all_is_unknown_that_comes_first_and_the_candidates_follow() -> None:
    labels = clip_labels(clip([[0.2, 0.25], [0.2, 0.25]]), [segment(UNKNOWN)], top_k=2)
    assert [entry.label for entry in labels] == [UNKNOWN, "b", "a"]
    assert labels[0].score == labels[1].score


def test_a_clip_of_many_motions_is_not_unknown() -> None:
    """Each label has a small share of the time, and each is certain while it lasts."""
    scores = clip(np.repeat(np.eye(5), 4, axis=0).tolist())
    segments = make_segments(scores, numbers)
    assert clip_labels(scores, segments)[0].label != UNKNOWN


@given(scores=clip_scores(), top_k=st.integers(1, 6), known=st.booleans())
def test_what_holds_for_labels_of_any_scores(scores: ClipScores, top_k: int, known: bool) -> None:
    labels = clip_labels(scores, [segment("a" if known else UNKNOWN)], top_k=top_k)
    values = [entry.score for entry in labels]
    assert values == sorted(values, reverse=True)
    assert all(0.0 <= value <= 1.0 for value in values)
    unknown = labels[0].label == UNKNOWN
    assert unknown == (not known)
    assert len(labels) - unknown == min(top_k, len(scores.labels))
