"""Text as a terminal may be given it. Knows nothing but the standard library, as ``--help`` loads it."""

from __future__ import annotations

import unicodedata


def one_line(text: str) -> str:
    r"""``text`` on one line: control characters, line ends and bytes that are no text are shown escaped (``\n``).

    Names of files and labels come from strangers; as they are they could move the cursor, or worse.
    """
    return "".join(c if c.isprintable() or unicodedata.category(c) == "Zs" else ascii(c)[1:-1] for c in text)


def clock(seconds: float) -> str:
    """``0:07.5``, ``12:03.0``, ``1:02:03.0``: for people; a tenth of a second is as fine as labels are."""
    sign = "-" if round(seconds * 10) < 0 else ""
    tenths = abs(round(seconds * 10))
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest // 10:02d}.{rest % 10}"
    return f"{sign}{hours}:{minutes:02d}:{tail}" if hours else f"{sign}{minutes}:{tail}"
