"""The table of formats, its names, and the golden files."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from exports_samples import GOLDEN, KITCHEN

from falvideo import exports
from falvideo.errors import FalError, OutputError, UnknownFormatError, UsageError
from falvideo.exports import EXPORTS, parse_formats, render
from falvideo.records import LabelScore

GOLDEN_FOLDER = Path(__file__).parent / "golden"


def test_every_public_name_is_there():
    assert all(hasattr(exports, name) for name in exports.__all__)


def test_rows_agree_with_their_keys():
    assert list(EXPORTS) == ["json", "csv", "tsv", "vtt", "srt"]
    for name, export in EXPORTS.items():
        assert (export.name, export.suffix) == (name, f".{name}")
        assert "/" in export.media_type


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("json", ("json",)),
        ("json,csv", ("json", "csv")),
        (" JSON ,\tCsv\n,", ("json", "csv")),
        ("csv,json,csv", ("csv", "json")),
        (["srt", "vtt,json"], ("srt", "vtt", "json")),
        (("TSV",), ("tsv",)),
        (iter(["json"]), ("json",)),
    ],
)
def test_parse_formats(given, expected):
    assert parse_formats(given) == expected


@pytest.mark.parametrize("given", ["", " , ", [], [""], ","])
def test_no_format_is_a_usage_error_that_names_the_formats(given):
    with pytest.raises(UsageError, match="choose from json, csv, tsv, vtt, srt"):
        parse_formats(given)


@pytest.mark.parametrize(
    ("given", "close"), [("jsn", "json"), ("webvtt", "vtt"), ("json,strt", "srt"), (".csv", "csv")]
)
def test_unknown_format_suggests_a_close_one(given, close):
    with pytest.raises(UnknownFormatError, match=rf"did you mean {close}\? choose from json, csv"):
        parse_formats(given)


def test_unknown_format_without_a_close_one_is_shown_short_and_escaped():
    with pytest.raises(UnknownFormatError) as caught:
        parse_formats("\x1b[31m" + "ж" * 5000)
    message = str(caught.value)
    assert "did you mean" not in message and message.isprintable() and message.isascii()
    assert len(message) < 400


def test_render_takes_names_as_people_write_them():
    assert render(KITCHEN, " JSON ") == render(KITCHEN, "json")
    with pytest.raises(UnknownFormatError):
        render(KITCHEN, "yaml")


@pytest.mark.parametrize("name", GOLDEN)
@pytest.mark.parametrize("format", EXPORTS)
def test_golden(name, format):
    golden = GOLDEN_FOLDER / f"{name}{EXPORTS[format].suffix}"
    assert render(GOLDEN[name], format).encode("utf-8") == golden.read_bytes()


def test_no_golden_is_left_over():
    expected = {f"{name}{export.suffix}" for name in GOLDEN for export in EXPORTS.values()}
    assert {path.name for path in GOLDEN_FOLDER.iterdir()} == expected | {".gitattributes"}


def _segment(**changes):
    first, *rest = KITCHEN.segments
    return dataclasses.replace(KITCHEN, segments=(dataclasses.replace(first, **changes), *rest))


def _source(**changes):
    return dataclasses.replace(KITCHEN, source=dataclasses.replace(KITCHEN.source, **changes))


@pytest.mark.parametrize("format", EXPORTS)
@pytest.mark.parametrize(
    ("timeline", "place"),
    [
        (_segment(score=float("nan")), r"segments\[0\]\.score"),
        (_segment(score=1.001), r"segments\[0\]\.score"),
        (_segment(score=-0.1), r"segments\[0\]\.score"),
        (_segment(start=float("-inf")), r"segments\[0\]\.start"),
        (_segment(end=float("inf")), r"segments\[0\]\.end"),
        (_segment(end=1.0), r"segments\[0\]\.end is 1.0, before its start"),
        (_segment(end=5.0), r"segments\[1\]\.start .* before segments\[0\] ends"),
        (_segment(start_frame=50), r"segments\[0\]\.end_frame"),
        (_segment(start_frame=-1), r"segments\[0\]\.start_frame"),
        (_segment(label=""), r"segments\[0\]\.label is empty"),
        (_segment(start=-1e18), r"segments\[0\]\.start"),
        (_source(duration=float("nan")), r"source\.duration"),
        (_source(start_time=float("inf")), r"source\.start_time"),
        (_source(sha256="unknown"), r"source\.sha256"),
        (_source(width=0), r"source\.width"),
        (dataclasses.replace(KITCHEN, labels=(LabelScore("x", float("nan")),)), r"labels\[0\]\.score"),
    ],
)
def test_no_format_writes_what_no_result_may_hold(format, timeline, place):
    with pytest.raises(OutputError, match=place) as caught:
        render(timeline, format)
    assert isinstance(caught.value, FalError) and "\n" not in str(caught.value)
