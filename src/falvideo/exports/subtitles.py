r"""WebVTT and SubRip: labels as subtitles, to be read while the video plays.

Both: a cue per segment, text ``pan left (93%)``; times count from the first frame, as players show them (the
source's ``start_time`` is subtracted), in milliseconds, hours may exceed 99. Left out are "unknown" stretches
(nothing to tell the viewer; json, csv and tsv have them) and cues that last under half a millisecond and
would end as they start, which players do not accept. Cues never overlap.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from falvideo.exports.documents import checked
from falvideo.exports.tables import milliseconds
from falvideo.exports.text import one_line
from falvideo.records import UNKNOWN, Timeline

# SubRip has no way to escape: these look alike and mean nothing to a player. The backslash is there for
# players that turn SubRip into ASS, where \N breaks the line.
_SRT_LOOKALIKES = str.maketrans("<>{}\\", "‹›()＼")


class _Cue(NamedTuple):
    start_ms: int
    end_ms: int
    text: str


def render_vtt(timeline: Timeline) -> str:
    """WebVTT (W3C, "WebVTT: The Web Video Text Tracks Format"), lines ending in LF.

    A NOTE ahead of the cues names the video (without its folders) and the model. In text, ``& < >`` are
    escaped, so neither markup nor ``-->`` can get in.

    Raises:
        OutputError: the timeline holds what no result may.
    """
    timeline = checked(timeline)
    model = timeline.model
    name = re.split(r"[/\\]", timeline.source.uri)[-1] or timeline.source.uri
    revision = f" revision {model.revision}" if model.revision else ""
    blocks = [
        "WEBVTT\n",
        f"NOTE\nsource: {_vtt_text(name)}\n"
        f"model: {_vtt_text(f'{model.id}{revision}')}, {_vtt_text(model.parameters_hash)}\n",
    ]
    for number, cue in enumerate(_cues(timeline), start=1):
        times = f"{_clock(cue.start_ms, '.')} --> {_clock(cue.end_ms, '.')}"
        blocks.append(f"{number}\n{times}\n{_vtt_text(cue.text)}\n")
    return "\n".join(blocks)


def render_srt(timeline: Timeline) -> str:
    """SubRip, as its own program writes it: no standard, lines ending in CRLF, numbers from 1.

    Every player takes CRLF, some that live in television sets take nothing else. Without cues the text is
    empty, which is a valid file. ``< > { }`` and backslash become look-alikes, so that no player sees markup.

    Raises:
        OutputError: the timeline holds what no result may.
    """
    blocks = []
    for number, cue in enumerate(_cues(checked(timeline)), start=1):
        times = f"{_clock(cue.start_ms, ',')} --> {_clock(cue.end_ms, ',')}"
        blocks.append(f"{number}\r\n{times}\r\n{one_line(cue.text).translate(_SRT_LOOKALIKES)}\r\n")
    return "\r\n".join(blocks)


def _cues(timeline: Timeline) -> Iterator[_Cue]:
    for one in timeline.segments:
        # A file can declare a start after its first frames: those show at once, never at a negative time.
        start = max(0, milliseconds(one.start, timeline.source.start_time))
        end = max(0, milliseconds(one.end, timeline.source.start_time))
        if one.label != UNKNOWN and start < end:
            yield _Cue(start, end, f"{one.label} ({round(one.score * 100)}%)")


def _clock(ms: int, decimal_sign: str) -> str:
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{decimal_sign}{ms:03d}"


def _vtt_text(text: str) -> str:
    return one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
