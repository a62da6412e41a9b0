"""Timelines for the tests of this folder: three by hand, and hypothesis strategies for the rest."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

from hypothesis import strategies as st

from falvideo.records import UNKNOWN, LabelScore, ModelInfo, Segment, SourceInfo, Timeline

MODEL = ModelInfo(id="fal-500-tiny", revision="2026.1", parameters_hash="sha256:" + "3f" * 32)

SOURCE = SourceInfo(
    uri="clips/kitchen.mp4",
    sha256="0123456789abcdef" * 4,
    duration=12.5125,
    fps=Fraction(30000, 1001),
    variable_rate=False,
    start_time=1.4,
    width=1920,
    height=1080,
)

KITCHEN = Timeline(
    source=SOURCE,
    model=MODEL,
    labels=(
        LabelScore("chopping vegetables", 0.7312345678),
        LabelScore("pan left", 0.25),
        LabelScore("x", 0),
    ),
    segments=(
        Segment(1.4, 1.4 + 4004 / 3000, 0, 40, "pan left", 0.93),
        Segment(1.4 + 4004 / 3000, 6.405, 40, 150, UNKNOWN, 0.2),
        Segment(6.405, 13.9125, 150, 375, "chopping vegetables", 0.99999999),
    ),
    warnings=("the file ends in the middle of a frame",),
)

STRANGE = Timeline(
    source=dataclasses.replace(
        SOURCE,
        uri='=HYPERLINK("x","y") --> \udcff\tкошка, 猫 & <b>.mkv',
        duration=400_000.0,
        fps=None,
        variable_rate=True,
        start_time=-0.08,
    ),
    model=dataclasses.replace(MODEL, id="someone/<c>model</c> --> 1", revision=None),
    labels=(LabelScore("@SUM(1+1)*cmd|' /C calc'!A0", 1.0),),
    segments=(
        Segment(-0.08, 0.0004, 0, 2, "@SUM(1+1)*cmd|' /C calc'!A0", 1.0),
        Segment(0.0004, 0.00045, 2, 2, "too short to see", 0.5),
        Segment(0.00045, 359_999.9996, 2, 9_000_000, "línea 1\n\n2\r\n00:00:01.000 --> 00:00:02.000", 0.004),
        Segment(
            359_999.9996,
            399_999.92,
            9_000_000,
            10_000_000,
            "{\\an8}<i>R&B</i> \u202eنص\N{GRINNING FACE}",
            0.5,
        ),
    ),
    warnings=("first\nsecond",),
)

EMPTY = Timeline(source=SOURCE, model=MODEL, labels=(LabelScore("pan left", 0.4),), segments=())

GOLDEN = {"kitchen": KITCHEN, "strange": STRANGE, "empty": EMPTY}

FORMULAS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\ttab first",
    "\rcarriage return first",
    "\nline feed first",
    "  =1+1",
    "\u00a0=1+1",
    "\u3000=1+1",
    "\u200b=1+1",
    "\ufeff=1+1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(A1)",
    "﹦1",
    "﹢1",
    "﹣1",
    "﹫1",
    "\N{MINUS SIGN}1",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://example.org","look")',
    "-",
]

HARMLESS = ["pan left", "a=b", "1-2", "me@example.org", "'=1", '"=1"', "  spaced", "猫", "", "   ", "(=1)"]

_FRAGMENTS = [
    *FORMULAS,
    *HARMLESS,
    "-->",
    "\n\n",
    "\r\n",
    "\r",
    "\u2028",
    "\x85",
    "\x0b",
    "\x1c",
    "\x00",
    "\x1b[31m",
    "\udc80",
    "\udcff",
    "\ud83d",
    ",",
    ";",
    '"',
    "'",
    "\t",
    "<b>",
    "</b>",
    "{\\an8}",
    "\\N",
    "&amp;",
    "&",
    "WEBVTT",
    "NOTE",
    "STYLE",
    "1\n00:00:01,000 --> 00:00:02,000\nx",
    "\u202e",
    "\N{GRINNING FACE}",
]


def _join_surrogates(text: str) -> str:
    """Two surrogates that make a pair are one character: so does every source of text that we have."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


texts = st.lists(
    st.one_of(st.sampled_from(_FRAGMENTS), st.text(st.characters(exclude_categories=()), max_size=4)),
    max_size=5,
).map(lambda parts: _join_surrogates("".join(parts)))

labels = st.one_of(texts.filter(bool), st.sampled_from(["pan left", UNKNOWN]))

scores = st.one_of(st.sampled_from([0.0, 0.005, 0.5, 0.995, 1.0]), st.floats(0, 1))

# Steps from nothing over fractions of a millisecond to days; starts around zero and at wall-clock time.
_steps = st.one_of(
    st.sampled_from([0.0, 1e-7, 0.0001, 0.0005, 0.001, 1 / 30, 1001 / 30000, 1.0, 3600.0]), st.floats(0, 4e5)
)
_starts = st.one_of(st.sampled_from([0.0, -0.08, 1.4, 95443.7, 1.7e9]), st.floats(-1e5, 1e5))


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    start_time = draw(_starts)
    at, frame = start_time, 0
    segments = []
    for step in draw(st.lists(_steps, max_size=6)):
        frames = draw(st.integers(0, 1000))
        segments.append(Segment(at, at + step, frame, frame + frames, draw(labels), draw(scores)))
        at, frame = at + step, frame + frames
    return Timeline(
        source=SourceInfo(
            uri=draw(texts.filter(bool)),
            sha256=SOURCE.sha256,
            duration=at - start_time,
            fps=draw(st.sampled_from([None, Fraction(25), Fraction(30000, 1001), Fraction(1, 3)])),
            variable_rate=draw(st.booleans()),
            start_time=start_time,
            width=draw(st.integers(1, 8192)),
            height=draw(st.integers(1, 8192)),
        ),
        model=ModelInfo(draw(texts.filter(bool)), draw(st.none() | texts), MODEL.parameters_hash),
        labels=tuple(draw(st.lists(st.builds(LabelScore, labels, scores), max_size=3))),
        segments=tuple(segments),
        warnings=tuple(draw(st.lists(texts, max_size=2))),
    )
