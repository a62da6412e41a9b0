"""WebVTT and SubRip, read back by webvtt-py and srt and by a strict reading of the cue blocks."""

from __future__ import annotations

import dataclasses
import html
import re
from datetime import timedelta
from itertools import pairwise

import pytest
import srt
import webvtt
from exports_samples import EMPTY, KITCHEN, STRANGE, timelines
from hypothesis import HealthCheck, given, settings

from falvideo.exports import render
from falvideo.exports.text import one_line
from falvideo.records import UNKNOWN, Segment, Timeline

PROPERTY = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])

VTT_TIMES = re.compile(r"(\d{2,}):([0-5]\d):([0-5]\d)\.(\d{3}) --> (\d{2,}):([0-5]\d):([0-5]\d)\.(\d{3})")
SRT_TIMES = re.compile(VTT_TIMES.pattern.replace(r"\.", ","))


def _ms(hours, minutes, seconds, ms):
    return ((int(hours) * 60 + int(minutes)) * 60 + int(seconds)) * 1000 + int(ms)


def _read(blocks, times):
    """(id, start ms, end ms, text) of each block, which must be exactly three lines."""
    cues = []
    for block in blocks:
        number, when, text = block.split("\n")
        found = times.fullmatch(when)
        assert found
        cues.append((number, _ms(*found.groups()[:4]), _ms(*found.groups()[4:]), text))
    return cues


def _read_vtt(text):
    assert "\r" not in text and text.endswith("\n") and not text.endswith("\n\n")
    header, note, *blocks = text.removesuffix("\n").split("\n\n")
    assert header == "WEBVTT"
    assert note.startswith("NOTE\nsource: ") and note.count("\n") == 2 and "-->" not in note
    return _read(blocks, VTT_TIMES)


def _read_srt(text):
    assert text.count("\n") == text.count("\r\n") == text.count("\r")
    assert text == "" or (text.endswith("\r\n") and not text.endswith("\r\n\r\n"))
    return _read(text.replace("\r\n", "\n").removesuffix("\n").split("\n\n") if text else [], SRT_TIMES)


def _visible(timeline: Timeline):
    """Independently: the cues expected, by exact rounding of microseconds."""
    origin = round(timeline.source.start_time * 1e6)
    for one in timeline.segments:
        start, end = ((round(t * 1e6) - origin + 500) // 1000 for t in (round(one.start, 6), round(one.end, 6)))
        if one.label != UNKNOWN and end > start:
            yield one, start, end


@given(timelines())
@PROPERTY
def test_vtt(timeline):
    text = render(timeline, "vtt")
    text.encode("utf-8")
    cues = _read_vtt(text)
    expected = list(_visible(timeline))
    assert [cue[0] for cue in cues] == [str(i + 1) for i in range(len(expected))]
    for (_, start, end, payload), (segment, want_start, want_end) in zip(cues, expected, strict=True):
        assert abs(start - want_start) <= 1 and abs(end - want_end) <= 1 and 0 <= start < end
        assert "<" not in payload and ">" not in payload
        assert html.unescape(payload) == one_line(f"{segment.label} ({segment.score * 100:.0f}%)")
    for cue, after in pairwise(cues):
        assert cue[2] <= after[1]
    captions = webvtt.from_string(text).captions
    assert [(c.identifier, c.raw_text) for c in captions] == [(cue[0], cue[3]) for cue in cues]


@given(timelines())
@PROPERTY
def test_srt(timeline):
    text = render(timeline, "srt")
    text.encode("utf-8")
    cues = _read_srt(text)
    expected = list(_visible(timeline))
    assert [cue[0] for cue in cues] == [str(i + 1) for i in range(len(expected))]
    for (_, start, end, payload), (_, want_start, want_end) in zip(cues, expected, strict=True):
        assert abs(start - want_start) <= 1 and abs(end - want_end) <= 1 and 0 <= start < end
        assert not set(payload) & set("<>{}\\") and re.search(r"\(\d+%\)$", payload)
    for cue, after in pairwise(cues):
        assert cue[2] <= after[1]
    parsed = list(srt.parse(text))
    assert [(one.index, one.start, one.end, one.content) for one in parsed] == [
        (int(number), timedelta(milliseconds=start), timedelta(milliseconds=end), payload)
        for number, start, end, payload in cues
    ]


@given(timelines())
@PROPERTY
def test_neighbours_stay_in_touch(timeline):
    labelled = tuple(dataclasses.replace(one, label="x") for one in timeline.segments)
    cues = _read_vtt(render(dataclasses.replace(timeline, segments=labelled), "vtt"))
    for cue, after in pairwise(cues):
        assert cue[2] == after[1]


def test_times_count_from_the_first_frame_and_unknown_is_left_out():
    assert _read_vtt(render(KITCHEN, "vtt")) == [
        ("1", 0, 1335, "pan left (93%)"),
        ("2", 5005, 12513, "chopping vegetables (100%)"),
    ]
    assert _read_srt(render(KITCHEN, "srt")) == _read_vtt(render(KITCHEN, "vtt"))


def test_strange_text_and_over_a_hundred_hours():
    cues = _read_vtt(render(STRANGE, "vtt"))
    assert [cue[1:3] for cue in cues] == [(0, 80), (80, 360000080), (360000080, 400000000)]
    assert "100:00:00.080 --> 111:06:40.000" in render(STRANGE, "vtt")
    assert "100:00:00,080 --> 111:06:40,000" in render(STRANGE, "srt")
    assert "(an8)".replace("(", "(＼") in render(STRANGE, "srt")


def test_note_names_the_file_without_its_folders():
    def note(uri):
        timeline = dataclasses.replace(EMPTY, source=dataclasses.replace(EMPTY.source, uri=uri))
        return render(timeline, "vtt").split("\n\n")[1].split("\n")[1]

    assert note("/home/someone/private/a.mp4") == "source: a.mp4"
    assert note("C:\\Users\\someone\\a.mp4") == "source: a.mp4"
    assert note("a --> b.mp4") == "source: a --&gt; b.mp4"
    assert note("folder/") == "source: folder/"
    assert "model: fal-500-tiny revision 2026.1, sha256:3f3f" in render(EMPTY, "vtt")


def test_without_segments_files_are_valid_and_empty():
    assert _read_vtt(render(EMPTY, "vtt")) == []
    assert len(webvtt.from_string(render(EMPTY, "vtt")).captions) == 0
    assert render(EMPTY, "srt") == "" and list(srt.parse("")) == []


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([(1.4, 1.4004)], []),  # ends as it starts, in milliseconds
        ([(1.4, 1.4005)], [(0, 1)]),
        ([(0.0, 1.0)], []),  # wholly ahead of the declared start
        ([(0.0, 2.4)], [(0, 1000)]),
        ([(1.4, 1.40049), (1.40049, 1.40051), (1.40051, 2.4)], [(0, 1), (1, 1000)]),
        ([(3601.3994, 3601.3996)], [(3599999, 3600000)]),
    ],
)
def test_boundaries(times, expected):
    segments = tuple(Segment(start, end, 0, 0, "x", 0.5) for start, end in times)
    timeline = dataclasses.replace(EMPTY, segments=segments)
    for cues in (_read_vtt(render(timeline, "vtt")), _read_srt(render(timeline, "srt"))):
        assert [cue[1:3] for cue in cues] == expected


def test_a_label_of_white_space_leaves_its_percentage():
    timeline = dataclasses.replace(EMPTY, segments=(Segment(2.0, 3.0, 0, 1, " \n\u2028", 0.5),))
    assert _read_vtt(render(timeline, "vtt"))[0][3] == _read_srt(render(timeline, "srt"))[0][3] == "(50%)"
