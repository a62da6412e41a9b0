r"""JSON (RFC 8259): the one format that holds a whole result and is read back.

``timeline.schema.json`` (JSON Schema, draft 2020-12) says what a document may hold. It is the only place
where that is written: ``load_json`` and every renderer check against that very file, with the few lines of
``_conform`` (jsonschema would be a dependency at run time; the tests hold the two against each other).

Times and scores are rounded to 6 decimals: a microsecond, and finer than a float32 probability is. Equal
times stay equal, so segments that touch still touch. Text is written as it is, not as ``\uXXXX``, but for
lone surrogates (bytes of a path that are not UTF-8, by ``os.fsdecode``): no UTF-8 file can hold those, so
they are written as ``\udcXX`` and come back as they were. (Some readers of other languages refuse such a text
or show U+FFFD. A high and a low surrogate side by side, which no path decodes to, come back as the one
character they stand for.)
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from importlib.resources import files
from operator import index
from typing import Any, NoReturn, TypeGuard

from falvideo.errors import OutputError, SourceError
from falvideo.records import LabelScore, ModelInfo, Segment, SourceInfo, Timeline

SCHEMA_VERSION = "1.0"
"""Of the JSON documents written and read here; a document of another version is refused."""

Json = dict[str, Any]


class _MisfitError(ValueError):
    """A document breaks the schema; the message starts with the place, as in ``segments[3].score``."""


def json_schema() -> Json:
    """The JSON Schema (draft 2020-12) of ``render_json``'s output, as a fresh dict."""
    schema: Json = json.loads(files("falvideo.exports").joinpath("timeline.schema.json").read_text("utf-8"))
    return schema


def render_json(timeline: Timeline) -> str:
    """``timeline`` as JSON, indented by 2, with a newline at the end.

    Raises:
        OutputError: the timeline holds what the schema forbids; numbers that are not finite never get out.
    """
    text = json.dumps(_checked_document(timeline), indent=2, ensure_ascii=False, allow_nan=False)
    # Surrogates occur within strings only, so replacing them in the finished text is safe.
    return re.sub("[\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"


def checked(timeline: Timeline) -> Timeline:
    """``timeline`` as every format shows it: rounded to 6 decimals, labels best first, fit for the schema.

    Raises:
        OutputError: it holds what the schema forbids.
    """
    return _timeline(_checked_document(timeline))


def load_json(text: str) -> Timeline:
    """The timeline that ``render_json`` wrote.

    Raises:
        SourceError: not JSON, another ``schema_version``, or anything else the schema forbids.
    """
    try:
        document = json.loads(text.removeprefix("\ufeff"), object_pairs_hook=_no_repeats, parse_constant=_no_constants)
    except (ValueError, RecursionError) as error:
        raise _not_a_result(f"not valid JSON: {error}") from error
    if not isinstance(document, dict) or "schema_version" not in document:
        raise _not_a_result("not a falvideo result: it has no schema_version")
    version = document["schema_version"]
    if version != SCHEMA_VERSION:
        raise _not_a_result(f"schema_version is {_shown(version)}, and this falvideo reads {SCHEMA_VERSION}")
    try:
        _check(document)
    except _MisfitError as error:
        raise _not_a_result(f"not a falvideo result: {error}") from error
    # Rounding changes nothing that falvideo wrote, and tames what others did (1e-300 seconds, -0.0).
    return _timeline(_document(_timeline(document)))


def _not_a_result(message: str) -> SourceError:
    return SourceError(message, remedy="give a file that falvideo wrote as json")


def _no_repeats(pairs: list[tuple[str, Any]]) -> Json:
    # Two readers of a repeated key can see two different documents; json.loads would keep the last.
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice in one object")
    return found


def _no_constants(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


# Timeline <-> document


def _checked_document(timeline: Timeline) -> Json:
    document = _document(timeline)
    try:
        _check(document)
    except _MisfitError as error:
        raise OutputError(
            f"the result cannot be written: {error}", remedy="this is a fault of falvideo: please report it"
        ) from error
    return document


def _rounded(number: float) -> float:
    # Adding 0.0 turns -0.0 into 0.0. float() also takes numpy's scalars, which json.dumps does not.
    return round(float(number), 6) + 0.0


def _document(timeline: Timeline) -> Json:
    source, model = timeline.source, timeline.model
    return {
        "schema_version": SCHEMA_VERSION,
        "source": {
            "uri": source.uri,
            "sha256": source.sha256,
            "duration": _rounded(source.duration),
            "fps": None if source.fps is None else f"{source.fps.numerator}/{source.fps.denominator}",
            "variable_rate": bool(source.variable_rate),
            "start_time": _rounded(source.start_time),
            "width": index(source.width),
            "height": index(source.height),
        },
        "model": {"id": model.id, "revision": model.revision, "parameters_hash": model.parameters_hash},
        "labels": sorted(
            ({"label": one.label, "score": _rounded(one.score)} for one in timeline.labels),
            key=lambda one: -one["score"],
        ),
        "segments": [
            {
                "start": _rounded(segment.start),
                "end": _rounded(segment.end),
                "start_frame": index(segment.start_frame),
                "end_frame": index(segment.end_frame),
                "label": segment.label,
                "score": _rounded(segment.score),
            }
            for segment in timeline.segments
        ],
        "warnings": list(timeline.warnings),
    }


def _timeline(document: Json) -> Timeline:
    """Of a checked document; ``2.0`` is an integer to JSON Schema, hence the int() and float()."""
    source = document["source"]
    return Timeline(
        source=SourceInfo(
            uri=source["uri"],
            sha256=source["sha256"],
            duration=float(source["duration"]),
            fps=None if source["fps"] is None else Fraction(source["fps"]),
            variable_rate=source["variable_rate"],
            start_time=float(source["start_time"]),
            width=int(source["width"]),
            height=int(source["height"]),
        ),
        model=ModelInfo(**document["model"]),
        labels=tuple(LabelScore(one["label"], float(one["score"])) for one in document["labels"]),
        segments=tuple(
            Segment(
                start=float(one["start"]),
                end=float(one["end"]),
                start_frame=int(one["start_frame"]),
                end_frame=int(one["end_frame"]),
                label=one["label"],
                score=float(one["score"]),
            )
            for one in document["segments"]
        ),
        warnings=tuple(document["warnings"]),
    )


# The check: the schema, and the few rules between fields that a schema cannot say


@cache
def _schema() -> Json:
    return json_schema()


def _check(document: object) -> None:
    _conform(document, _schema(), "")
    assert isinstance(document, dict)  # the schema has just said so
    for i, (one, after) in enumerate(zip(document["labels"], document["labels"][1:], strict=False)):
        if after["score"] > one["score"]:
            raise _MisfitError(f"labels[{i + 1}] scores higher than labels[{i}]: they must be best first")
    for i, one in enumerate(document["segments"]):
        for start, end in (("start", "end"), ("start_frame", "end_frame")):
            if one[end] < one[start]:
                raise _MisfitError(f"segments[{i}].{end} is {one[end]}, before its {start} {one[start]}")
    for i, (one, after) in enumerate(zip(document["segments"], document["segments"][1:], strict=False)):
        if after["start"] < one["end"]:
            raise _MisfitError(
                f"segments[{i + 1}].start is {after['start']}, before segments[{i}] ends at {one['end']}"
            )


def _is_number(value: object) -> TypeGuard[int | float]:
    # Python's json reads 1e999 as infinity without a word, and True is an int to Python but not to JSON.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < math.inf


_TYPES: dict[str, Callable[[object], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": _is_number,
    "integer": lambda value: _is_number(value) and value == math.floor(value),
}

_RULES: dict[str, Callable[[Any, Any], str | None]] = {
    "const": lambda value, asked: None if value == asked else f"is {_shown(value)}, not {_shown(asked)}",
    "minimum": lambda value, least: f"is {_shown(value)}, below {least}" if value < least else None,
    "maximum": lambda value, most: f"is {_shown(value)}, above {most}" if value > most else None,
    "minLength": lambda value, least: "is empty" if len(value) < least else None,
    "pattern": lambda value, pattern: (
        # The schema's patterns are anchored; Python's "$" alone would let a final newline through.
        None if re.fullmatch(pattern, value) else f"is {_shown(value)}, which does not match {pattern}"
    ),
}

_RULE_TYPES: dict[str, type | tuple[type, ...]] = {
    "const": object,
    "minimum": (int, float),
    "maximum": (int, float),
    "minLength": str,
    "pattern": str,
}

# With the rules above, all that _conform understands; a test holds the schema to it.
_STRUCTURE = {"$ref", "type", "required", "properties", "additionalProperties", "items"}


def _conform(value: object, schema: Json, place: str) -> None:
    """Raise _MisfitError where ``value`` breaks ``schema``; only the keywords above are understood."""
    if "$ref" in schema:
        _conform(value, _schema()["$defs"][schema["$ref"].removeprefix("#/$defs/")], place)
    here = place or "the document"
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(_TYPES[one](value) for one in types):
        raise _MisfitError(f"{here} is {_shown(value)}, not {' or '.join(types)}")
    for keyword, asked in schema.items():
        if keyword in _RULES and isinstance(value, _RULE_TYPES[keyword]):
            problem = _RULES[keyword](value, asked)
            if problem:
                raise _MisfitError(f"{here} {problem}")
    if isinstance(value, dict):
        _conform_object(value, schema, place)
    if isinstance(value, list) and "items" in schema:
        for i, part in enumerate(value):
            _conform(part, schema["items"], f"{place}[{i}]")


def _conform_object(value: Json, schema: Json, place: str) -> None:
    here = place or "the document"
    properties = schema.get("properties", {})
    for key in schema.get("required", ()):
        if key not in value:
            raise _MisfitError(f"{here} has no {key}")
    for key, part in value.items():
        if key in properties:
            _conform(part, properties[key], f"{place}.{key}" if place else key)
        elif schema.get("additionalProperties") is False:
            raise _MisfitError(f"{here} has {_shown(key)}, which is not known")


def _shown(value: object) -> str:
    """``value`` in a message: as JSON, escaped and short; an object or array by its kind only."""
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "an array"
    if isinstance(value, int) and abs(value) >= 10**20:
        return "a very large integer"  # Python refuses to print thousands of digits
    text = json.dumps(value[:60] if isinstance(value, str) else value, default=repr)
    return text if len(text) <= 60 else f"{text[:57]}..."
