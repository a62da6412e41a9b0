r"""CSV and TSV: one row per segment, for spreadsheets and data frames.

    CSV    RFC 4180: a header, CRLF after each row, fields quoted when they need it; seconds
    TSV    IANA text/tab-separated-values: a header, LF after each row, nothing is ever quoted; milliseconds

Both: UTF-8 without a byte-order mark, times by the source's own presentation timestamps (they may be
negative), "unknown" stretches included. Text that a spreadsheet would run as a formula gets an apostrophe in
front (see text.py), numbers are left alone. JSON has the text exactly.
"""

from __future__ import annotations

import re

from falvideo.exports.documents import checked
from falvideo.exports.text import printable, spreadsheet_safe
from falvideo.records import Timeline

CSV_COLUMNS = ("source", "start", "end", "start_frame", "end_frame", "label", "score")
TSV_COLUMNS = ("source", "start_ms", "end_ms", "start_frame", "end_frame", "label", "score")

# A semicolon or tab needs no quotes by RFC 4180, but where the decimal sign is a comma spreadsheets split at
# semicolons, and a name such as `a;=1+1` must not become two cells, the second a formula.
_NEEDS_QUOTES = re.compile(r'[",;\t\r\n]|^\s|\s$')

# Everything that some program takes for the end of a line or of a cell.
_BREAKS = re.compile("\r\n|[\t\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")


def render_csv(timeline: Timeline) -> str:
    """One row per segment: ``source,start,end,start_frame,end_frame,label,score``.

    ``start`` and ``end`` are seconds with 3 to 6 decimals, frame numbers are 0-based with ``end_frame``
    exclusive, ``score`` is a probability. Line breaks within text stay, quoted.

    Raises:
        OutputError: the timeline holds what no result may.
    """
    timeline = checked(timeline)
    source = _csv_text(timeline.source.uri)
    rows = [",".join(CSV_COLUMNS)]
    for one in timeline.segments:
        times = f"{decimal(one.start)},{decimal(one.end)},{one.start_frame},{one.end_frame}"
        rows.append(f"{source},{times},{_csv_text(one.label)},{decimal(one.score)}")
    return "".join(f"{row}\r\n" for row in rows)


def render_tsv(timeline: Timeline) -> str:
    """One row per segment: ``source start_ms end_ms start_frame end_frame label score``, tabs between.

    Times are whole milliseconds, rounded half up; rows that touched still touch. Tabs and line breaks within
    text become spaces.

    Raises:
        OutputError: the timeline holds what no result may.
    """
    timeline = checked(timeline)
    source = _tsv_text(timeline.source.uri)
    rows = ["\t".join(TSV_COLUMNS)]
    for one in timeline.segments:
        times = f"{milliseconds(one.start)}\t{milliseconds(one.end)}\t{one.start_frame}\t{one.end_frame}"
        rows.append(f"{source}\t{times}\t{_tsv_text(one.label)}\t{decimal(one.score)}")
    return "".join(f"{row}\n" for row in rows)


def decimal(number: float) -> str:
    """``number`` with 3 to 6 decimals, never in powers of ten: ``1.000``, ``0.033367``."""
    whole, _, decimals = f"{number:.6f}".partition(".")
    return f"{whole}.{decimals.rstrip('0'):0<3}"


def milliseconds(seconds: float, since: float = 0.0) -> int:
    """Whole milliseconds from ``since`` to ``seconds``, half up.

    By whole microseconds, so that the result never falls when ``seconds`` rises and equal times stay equal:
    that is what keeps segments in touch without overlap.
    """
    return (round(seconds * 1e6) - round(since * 1e6) + 500) // 1000


def _csv_text(text: str) -> str:
    text = printable(spreadsheet_safe(text))
    if not _NEEDS_QUOTES.search(text):
        return text
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


def _tsv_text(text: str) -> str:
    text = spreadsheet_safe(text)
    # TSV knows no quotes but many readers do, and an unclosed one at the start of a cell swallows rows.
    guarded = f"'{text}" if text.startswith('"') else text
    return printable(_BREAKS.sub(" ", guarded))
