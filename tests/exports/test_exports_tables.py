"""CSV and TSV, read back by other programs' rules."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
import unicodedata
from itertools import pairwise

import pytest
from exports_samples import EMPTY, FORMULAS, HARMLESS, KITCHEN, STRANGE, timelines
from hypothesis import HealthCheck, given, settings

from falvideo.exports import render
from falvideo.exports.tables import CSV_COLUMNS, TSV_COLUMNS, decimal, milliseconds
from falvideo.exports.text import REPLACEMENT, printable, spreadsheet_safe
from falvideo.records import Segment

PROPERTY = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _csv_rows(text):
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def _is_formula(text):
    """An independent reading of the rule: what is left of the cell once invisible characters are gone."""
    if text[:1] in ("\t", "\r", "\n"):
        return True
    visible = "".join(c for c in text if not c.isspace() and unicodedata.category(c) not in ("Cc", "Cf"))
    return re.match("[=+@＝＋＠﹦﹢﹫⁼₌⁺₊-]|[－﹣−⁻₋]", visible) is not None


def _neutral(text):
    return f"'{text}" if _is_formula(text) else text


def test_kitchen_csv():
    assert render(KITCHEN, "csv") == (
        "source,start,end,start_frame,end_frame,label,score\r\n"
        "clips/kitchen.mp4,1.400,2.734667,0,40,pan left,0.930\r\n"
        "clips/kitchen.mp4,2.734667,6.405,40,150,unknown,0.200\r\n"
        "clips/kitchen.mp4,6.405,13.9125,150,375,chopping vegetables,1.000\r\n"
    )


def test_kitchen_tsv():
    assert render(KITCHEN, "tsv") == (
        "source\tstart_ms\tend_ms\tstart_frame\tend_frame\tlabel\tscore\n"
        "clips/kitchen.mp4\t1400\t2735\t0\t40\tpan left\t0.930\n"
        "clips/kitchen.mp4\t2735\t6405\t40\t150\tunknown\t0.200\n"
        "clips/kitchen.mp4\t6405\t13913\t150\t375\tchopping vegetables\t1.000\n"
    )


def test_without_segments_the_header_stays():
    assert _csv_rows(render(EMPTY, "csv")) == [list(CSV_COLUMNS)]
    assert render(EMPTY, "tsv") == "\t".join(TSV_COLUMNS) + "\n"


@given(timelines())
@PROPERTY
def test_csv_comes_back(timeline):
    text = render(timeline, "csv")
    text.encode("utf-8")
    header, *rows = _csv_rows(text)
    assert header == list(CSV_COLUMNS)
    assert len(rows) == len(timeline.segments)
    for row, segment in zip(rows, timeline.segments, strict=True):
        source, start, end, start_frame, end_frame, label, score = row
        assert source == printable(_neutral(timeline.source.uri))
        assert label == printable(_neutral(segment.label))
        assert not _is_formula(source) and not _is_formula(label)
        assert (float(start), float(end)) == (round(segment.start, 6), round(segment.end, 6))
        assert (int(start_frame), int(end_frame)) == (segment.start_frame, segment.end_frame)
        assert float(score) == round(segment.score, 6)
        assert all(re.fullmatch(r"-?\d+\.\d{3,6}", one) for one in (start, end, score))
    for row, after in pairwise(rows):
        assert row[2] == after[1]


@given(timelines())
@PROPERTY
def test_tsv_comes_back_by_every_reading(timeline):
    text = render(timeline, "tsv")
    text.encode("utf-8")
    lines = text.split("\n")
    assert lines.pop() == "" and lines == text.splitlines()
    rows = [line.split("\t") for line in lines]
    # A reader that knows quotes sees the same as one that does not.
    assert rows == list(csv.reader(io.StringIO(text, newline=""), delimiter="\t"))
    header, *rows = rows
    assert header == list(TSV_COLUMNS)
    assert len(rows) == len(timeline.segments)
    for row, segment in zip(rows, timeline.segments, strict=True):
        assert len(row) == 7
        assert not _is_formula(row[0]) and not _is_formula(row[5])
        assert abs(int(row[1]) - segment.start * 1000) <= 0.501
        assert int(row[1]) <= int(row[2])
    for row, after in pairwise(rows):
        assert row[2] == after[1]


@pytest.mark.parametrize("format", ["csv", "tsv"])
@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_are_neutralised_in_names_and_labels(format, text):
    source = dataclasses.replace(EMPTY.source, uri=text)
    timeline = dataclasses.replace(EMPTY, source=source, segments=(Segment(-1.5, 2.0, 0, 1, text, 0.5),))
    delimiter = "," if format == "csv" else "\t"
    rows = list(csv.reader(io.StringIO(render(timeline, format), newline=""), delimiter=delimiter))
    assert rows[1][0].startswith("'") and rows[1][5].startswith("'")
    assert rows[1][1] in ("-1.500", "-1500")  # numbers are left alone


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_is_left_alone(text):
    assert spreadsheet_safe(text) == text


def test_semicolons_are_quoted_for_spreadsheets_that_split_there():
    timeline = dataclasses.replace(KITCHEN, source=dataclasses.replace(KITCHEN.source, uri="a;=1+1"))
    assert render(timeline, "csv").splitlines()[1].startswith('"a;=1+1",')


def test_a_quote_at_the_start_of_a_tsv_cell_cannot_swallow_rows():
    timeline = dataclasses.replace(KITCHEN, source=dataclasses.replace(KITCHEN.source, uri='"open.mp4'))
    assert render(timeline, "tsv").splitlines()[1].startswith("'\"open.mp4\t")


def test_what_is_no_text_is_replaced():
    assert printable("a\x00b\udcffc\x1bd\x85e\tf\r\ng") == (
        f"a{REPLACEMENT}b{REPLACEMENT}c{REPLACEMENT}d{REPLACEMENT}e\tf\r\ng"
    )
    assert REPLACEMENT in render(STRANGE, "csv")


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0.0, "0.000"), (1e-6, "0.000001"), (-0.08, "-0.080"), (0.033367, "0.033367"), (3999999999.123456,) * 2],
)
def test_decimal(number, expected):
    assert decimal(number) == str(expected)


@pytest.mark.parametrize(
    ("seconds", "since", "expected"),
    [
        (0.0, 0.0, 0),
        (0.000499, 0.0, 0),
        (0.0005, 0.0, 1),
        (-0.0005, 0.0, 0),
        (-0.000501, 0.0, -1),
        (1.0005, 0.0, 1001),
        (359999.9995, 0.0, 360000000),
        (1.7e9 + 0.25, 1.7e9, 250),
        (1.4333, 1.4, 33),
    ],
)
def test_milliseconds(seconds, since, expected):
    assert milliseconds(seconds, since) == expected
