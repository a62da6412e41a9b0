"""Text from strangers, made fit for formats that a character can break.

A video's name and a model's labels may hold anything: line breaks, control characters, formulas, markup,
and bytes that are not text at all (which ``os.fsdecode`` hands over as lone surrogates). JSON can carry all
of it; every other format goes through here, and loses what it cannot carry.
"""

from __future__ import annotations

import unicodedata

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# NFKC maps the full-width and small variants of these onto them; the mathematical minus it leaves alone.
_FORMULA_STARTS = frozenset("=+-@\N{MINUS SIGN}")


def printable(text: str) -> str:
    r"""``text`` with what cannot be shown or encoded (controls, lone surrogates) replaced by U+FFFD.

    Tab, line feed and carriage return stay: each format has its own rule for them.
    """
    return "".join(REPLACEMENT if unicodedata.category(c) in ("Cc", "Cs") and c not in "\t\n\r" else c for c in text)


def one_line(text: str) -> str:
    """``text`` on one line: every run of white space, line breaks of all kinds included, is one space."""
    return printable(" ".join(text.split()))


def spreadsheet_safe(text: str) -> str:
    r"""``text`` such that a spreadsheet shows it and does not run it.

    A cell is taken for a formula when it starts with ``= + - @``, tab, carriage return or line feed
    (OWASP, "CSV Injection"), or one of the full-width and small variants that spreadsheets of East Asian
    locales accept. White space and invisible characters ahead of the sign do not count, since some programs
    drop them. Such text gets an apostrophe in front, the spreadsheet's own mark for "this is text".
    """
    if text.startswith(("\t", "\r", "\n")):
        return f"'{text}"
    for character in text:
        if character.isspace() or unicodedata.category(character) in ("Cc", "Cf"):
            continue
        is_formula = unicodedata.normalize("NFKC", character)[:1] in _FORMULA_STARTS
        return f"'{text}" if is_formula else text
    return text
