"""A Timeline as text: JSON, CSV, TSV, WebVTT and SubRip; and the safe way to put text into a file.

    text.py         names and labels come from strangers: what is done so that no format is broken by them
    documents.py    JSON, its schema (timeline.schema.json), and the gate every format's numbers pass
    tables.py       CSV and TSV
    subtitles.py    WebVTT and SubRip
    files.py        write_atomically

Only JSON holds everything exactly and is read back (``load_json``); the others are for eyes, spreadsheets
and players, and replace the characters that would break them.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from falvideo.errors import UnknownFormatError, UsageError
from falvideo.exports.documents import SCHEMA_VERSION, json_schema, load_json, render_json
from falvideo.exports.files import write_atomically
from falvideo.exports.subtitles import render_srt, render_vtt
from falvideo.exports.tables import render_csv, render_tsv
from falvideo.records import Timeline

__all__ = [
    "EXPORTS",
    "SCHEMA_VERSION",
    "Exporter",
    "json_schema",
    "load_json",
    "parse_formats",
    "render",
    "write_atomically",
]


@dataclass(frozen=True)
class Exporter:
    """One output format.

    Attributes:
        name: what ``--format`` takes.
        suffix: of the file, with the dot.
        media_type: for a ``Content-Type`` header; the text is UTF-8 without a byte-order mark.
        render: the whole text of the file; its line ends are meant, so write it as it is.
    """

    name: str
    suffix: str
    media_type: str
    render: Callable[[Timeline], str]


EXPORTS: dict[str, Exporter] = {
    "json": Exporter("json", ".json", "application/json", render_json),
    "csv": Exporter("csv", ".csv", "text/csv", render_csv),
    "tsv": Exporter("tsv", ".tsv", "text/tab-separated-values", render_tsv),
    "vtt": Exporter("vtt", ".vtt", "text/vtt", render_vtt),
    "srt": Exporter("srt", ".srt", "application/x-subrip", render_srt),
}


def parse_formats(text_or_list: str | Iterable[str]) -> tuple[str, ...]:
    """Read names of formats, as ``--format`` gives them.

    Args:
        text_or_list: ``"json,csv"``, or several such texts. Spaces, upper case, repeats and
            empty places between commas do no harm.

    Returns:
        Keys of ``EXPORTS``, each once, in the order of their first mention.

    Raises:
        UnknownFormatError: a name is not in ``EXPORTS``.
        UsageError: no name at all.
    """
    texts = [text_or_list] if isinstance(text_or_list, str) else text_or_list
    asked = (part.strip().lower() for text in texts for part in text.split(","))
    names = tuple(dict.fromkeys(_known(name) for name in asked if name))
    if not names:
        raise UsageError("no output format given", remedy=f"choose from {', '.join(EXPORTS)}")
    return names


def render(timeline: Timeline, format: str) -> str:
    """The text of ``timeline`` in the format of that name.

    Raises:
        UnknownFormatError: ``format`` is not in ``EXPORTS``.
        OutputError: the timeline holds what no result may (a number that is not finite, a score above 1,
            segments that overlap, ...).
    """
    return EXPORTS[_known(format.strip().lower())].render(timeline)


def _known(name: str) -> str:
    if name in EXPORTS:
        return name
    close = difflib.get_close_matches(name, EXPORTS, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    # What was typed can be anything, a whole file by mistake too: shown escaped and short.
    shown = ascii(name if len(name) <= 40 else f"{name[:40]}...")
    raise UnknownFormatError(f"there is no output format {shown}", remedy=f"{hint}choose from {', '.join(EXPORTS)}")
