"""JSON: its schema, its way back, and what is refused."""

from __future__ import annotations

import copy
import dataclasses
import json
from fractions import Fraction
from itertools import pairwise
from typing import Any

import jsonschema
import numpy as np
import pytest
from exports_samples import EMPTY, GOLDEN, KITCHEN, STRANGE, timelines
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from falvideo.errors import SourceError
from falvideo.exports import SCHEMA_VERSION, documents, json_schema, load_json, render
from falvideo.records import LabelScore, Segment

VALIDATOR = jsonschema.Draft202012Validator(json_schema())
PROPERTY = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def test_schema_is_a_schema_and_a_fresh_copy():
    jsonschema.Draft202012Validator.check_schema(json_schema())
    assert json_schema()["properties"]["schema_version"]["const"] == SCHEMA_VERSION
    json_schema().clear()
    assert json_schema()


def _schemas(node: Any, is_schema: bool = True):
    if isinstance(node, dict):
        if is_schema:
            yield node
        for key, value in node.items():
            yield from _schemas(value, is_schema=not (is_schema and key in ("properties", "$defs")))


def test_schema_uses_only_what_our_own_check_understands():
    known = documents._STRUCTURE | set(documents._RULES)
    words = {"title", "description", "$schema", "$id", "$defs"}
    schemas = list(_schemas(json_schema()))
    assert len(schemas) > 20
    for schema in schemas:
        assert set(schema) <= known | words
        if schema.get("type") == "object":
            assert schema["additionalProperties"] is False
            assert set(schema["required"]) == set(schema["properties"])
        if "pattern" in schema:  # re.fullmatch and JSON Schema's search agree on anchored patterns only
            assert schema["pattern"].startswith("^") and schema["pattern"].endswith("$")
        assert schema.get("minLength", 1) == 1  # "is empty" is what the check says


def test_shape_as_promised():
    document = json.loads(render(KITCHEN, "json"))
    assert list(document) == ["schema_version", "source", "model", "labels", "segments", "warnings"]
    assert document["source"]["fps"] == "30000/1001"
    assert document["labels"][0] == {"label": "chopping vegetables", "score": 0.731235}
    assert document["segments"][0]["end"] == document["segments"][1]["start"] == 2.734667
    assert document["segments"][2]["score"] == 1.0
    text = render(KITCHEN, "json")
    assert text.endswith("}\n") and '\n  "source": {\n    "uri"' in text


@given(timelines())
@PROPERTY
def test_every_output_fits_the_schema_and_comes_back(timeline):
    text = render(timeline, "json")
    VALIDATOR.validate(json.loads(text))
    assert "\r" not in text
    text.encode("utf-8")
    again = load_json(text)
    assert render(again, "json") == text
    assert again == documents.checked(timeline)
    assert again.source.uri == timeline.source.uri
    for one, after in pairwise(again.segments):
        assert one.end == after.start


@pytest.mark.parametrize("name", GOLDEN)
def test_goldens_fit_the_schema(name):
    VALIDATOR.validate(json.loads(render(GOLDEN[name], "json")))


def test_text_is_written_as_it_is_but_for_lone_surrogates():
    text = render(STRANGE, "json")
    assert "кошка, 猫" in text and r"\udcff" in text
    assert load_json(text).source.uri == STRANGE.source.uri


@pytest.mark.parametrize(
    ("uri", "back"), [("\ud83d", "\ud83d"), ("\udc80\ud83d", "\udc80\ud83d"), ("\ud83d\ude00", "😀")]
)
def test_surrogates_come_back_and_a_pair_of_them_is_one_character(uri, back):
    timeline = dataclasses.replace(EMPTY, source=dataclasses.replace(EMPTY.source, uri=uri))
    text = render(timeline, "json")
    text.encode("utf-8")
    assert load_json(text).source.uri == back


def test_labels_come_best_first_and_zero_has_no_sign():
    timeline = dataclasses.replace(
        EMPTY,
        labels=(LabelScore("b", 0.1), LabelScore("a", 0.9), LabelScore("c", -1e-9)),
        segments=(Segment(-1e-9, 1e-9, 0, 0, "a", 0.5),),
    )
    document = json.loads(render(timeline, "json"))
    assert [one["label"] for one in document["labels"]] == ["a", "b", "c"]
    assert "-0.0" not in render(timeline, "json")


def test_numpy_numbers_are_numbers():
    segment = Segment(
        np.float64(1.5),
        np.float32(2.5),
        np.int64(3),
        np.int32(4),
        "a",
        np.float32(0.93),  # type: ignore[arg-type]
    )
    source = dataclasses.replace(EMPTY.source, variable_rate=np.bool_(True))
    timeline = dataclasses.replace(EMPTY, source=source, segments=(segment,))
    document = json.loads(render(timeline, "json"))
    assert document["segments"][0]["score"] == 0.93
    assert document["source"]["variable_rate"] is True


# Reading


def test_load_forgives_a_byte_order_mark_and_whole_floats():
    document = json.loads(render(KITCHEN, "json"))
    document["source"]["width"] = 1920.0
    document["segments"][0]["start"] = 1
    document["source"]["fps"] = "50/2"
    timeline = load_json("\ufeff" + json.dumps(document))
    assert timeline.source.width == 1920 and isinstance(timeline.source.width, int)
    assert timeline.source.fps == Fraction(25)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not valid JSON"),
        ("WEBVTT\n", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ('{"a": 1' + "0" * 10_000 + "}", "not"),
        ("NaN", "NaN is not a JSON number"),
        ('{"schema_version": "1.0", "schema_version": "1.0"}', "twice"),
        ("[]", "no schema_version"),
        ("{}", "no schema_version"),
        ('{"schema_version": "2.0"}', 'schema_version is "2.0", and this falvideo reads 1.0'),
        ('{"schema_version": 1.0}', "schema_version is 1.0"),
        ('{"schema_version": ["\\n"]}', "schema_version is an array"),
        ('{"schema_version": "1.0"}', "has no source"),
    ],
)
def test_load_refuses_in_one_line(text, message):
    with pytest.raises(SourceError, match=message) as caught:
        load_json(text)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


def _set(document, place, value):
    *way, last = place
    for step in way:
        document = document[step]
    if value is _GONE:
        del document[last]
    else:
        document[last] = value


_GONE = object()

BROKEN = [
    (("source",), _GONE, "has no source"),
    (("source",), [], "source is an array, not object"),
    (("source", "uri"), 3, "source.uri is 3, not string"),
    (("source", "uri"), "", "source.uri is empty"),
    (("source", "sha256"), "0" * 63, "source.sha256"),
    (("source", "sha256"), "0" * 64 + "\n", "source.sha256"),
    (("source", "fps"), "29.97", "source.fps"),
    (("source", "fps"), "1/0", "source.fps"),
    (("source", "fps"), 25, "source.fps is 25, not string or null"),
    (("source", "duration"), -1, "source.duration is -1, below 0"),
    (("source", "width"), 1.5, "source.width is 1.5, not integer"),
    (("source", "width"), True, "source.width is true, not integer"),
    (("source", "extra"), 1, 'source has "extra", which is not known'),
    (("model", "parameters_hash"), "md5:00", "model.parameters_hash"),
    (("labels", 0, "score"), 1.5, r"labels\[0\].score is 1.5, above 1"),
    (("labels", 0, "score"), "0.5", r"labels\[0\].score"),
    (("segments", 1, "score"), 10**400, r"segments\[1\].score is a very large integer, above 1"),
    (("segments", 1, "end_frame"), -1, r"segments\[1\].end_frame"),
    (("segments", 1, "label"), None, r"segments\[1\].label is null, not string"),
    (("segments", 1), {}, r"segments\[1\] has no start"),
    (("warnings", 0), 0, r"warnings\[0\]"),
    (("extra",), None, 'the document has "extra"'),
]


@pytest.mark.parametrize(("place", "value", "message"), BROKEN)
def test_broken_documents_are_refused_by_the_schema_and_by_load(place, value, message):
    document = json.loads(render(KITCHEN, "json"))
    _set(document, place, value)
    # One pattern of JSON Schema differs by engine: in Python "$" also matches ahead of a final newline.
    if value != "0" * 64 + "\n":
        assert not VALIDATOR.is_valid(document)
    with pytest.raises(SourceError, match=message):
        load_json(json.dumps(document) if not isinstance(value, int) or value < 10**9 else _with_big(document))


def _with_big(document):
    document["segments"][1]["score"] = 0.123456
    return json.dumps(document).replace("0.123456", "1" + "0" * 400)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("segments", 0, "end"), 1.0, "before its start"),
        (("segments", 0, "end_frame"), 0, None),
        (("segments", 0, "start_frame"), 41, r"segments\[0\].end_frame"),
        (("segments", 1, "start"), 2.0, r"segments\[1\].start is 2.0, before segments\[0\] ends"),
        (("labels", 2, "score"), 0.5, "best first"),
    ],
)
def test_rules_between_fields(place, value, message):
    document = json.loads(render(KITCHEN, "json"))
    _set(document, place, value)
    if message is None:
        load_json(json.dumps(document))
        return
    with pytest.raises(SourceError, match=message):
        load_json(json.dumps(document))


def test_infinity_by_overflow_is_refused():
    text = render(KITCHEN, "json").replace("12.5125", "1e999")
    with pytest.raises(SourceError, match=r"source\.duration is Infinity, not number"):
        load_json(text)


_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.sampled_from([0, 1, 1.0, -0.0, 0.5, 1.5, 4e9, 4.1e9, 2.0**53]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "x", "25/1", "0/1", "01/1", "a" * 64, "A" * 64, "sha256:" + "a" * 64, "1.0"]),
    st.just([]),
    st.just({}),
    st.just({"label": "x", "score": 0.5}),
)


def _places(node, place=()):
    if place:
        yield place
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield from _places(value, (*place, key))


_DOCUMENT = json.loads(render(KITCHEN, "json"))


@given(st.sampled_from(sorted(_places(_DOCUMENT), key=str)), _VALUES | st.just(_GONE))
@settings(max_examples=100, deadline=None)
def test_our_check_and_jsonschema_agree(place, value):
    document = copy.deepcopy(_DOCUMENT)
    _set(document, place, value)
    try:
        documents._conform(document, json_schema(), "")
        ours = True
    except documents._MisfitError as error:
        assert str(error).isprintable()
        ours = False
    assert ours == VALIDATOR.is_valid(document)
    if not ours:
        with pytest.raises(SourceError):
            load_json(json.dumps(document))


@given(st.text() | st.recursive(st.none() | st.text() | st.floats(), st.lists).map(json.dumps))
@settings(max_examples=30, deadline=None)
def test_load_meets_garbage_with_one_error(text):
    with pytest.raises(SourceError):
        load_json(text)
