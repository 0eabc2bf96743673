"""Text that every page can show: no invisible sign, no letter the embedded fonts lack.

The briefing uses only the fonts embedded in typst, so that its bytes are the same on every
machine, and an accessible PDF may not hold a letter that its font cannot draw. Anything
else is spelt out as its code point, visibly: a reader sees that something odd was there.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

#: Code points, first and last, that all four faces of the embedded serif font draw.
DRAWN = (
    (0x20, 0x7E),
    (0xA0, 0x24F),
    (0x384, 0x3FF),
    (0x400, 0x4FF),
    (0x1E00, 0x1EFF),
    (0x2010, 0x2027),
    (0x2030, 0x203A),
    (0x20A0, 0x20BF),
    (0x2190, 0x2193),
)
#: Control, format, private, surrogate and unassigned: invisible or misleading in print.
HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
NO_BREAK_SPACE = "\u00a0"
#: A cell of a table is not the place for a novel.
MAX_LENGTH = 1200


def printable(text: str) -> str:
    r"""Return the text in one line, with every sign that cannot be printed spelt out.

    White space becomes single spaces, and a number is never parted from its per cent sign;
    combining marks are composed where a letter exists;
    a sign outside :data:`DRAWN` becomes ``\u{XXXX}``; beyond :data:`MAX_LENGTH` an ellipsis.
    """
    composed = re.sub(r"[ \t\r\n]+", " ", unicodedata.normalize("NFC", text)).strip(" ")
    composed = re.sub(r"(?<=\d) %", f"{NO_BREAK_SPACE}%", composed)
    spelt = "".join(sign if _is_drawn(sign) else f"\\u{{{ord(sign):04X}}}" for sign in composed)
    return spelt if len(spelt) <= MAX_LENGTH else spelt[: MAX_LENGTH - 1] + "…"


def printable_tree(value: object) -> object:
    """Return plain JSON types with every text in them made printable."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {str(key): printable_tree(part) for key, part in value.items()}
    if isinstance(value, Sequence):
        return [printable_tree(part) for part in value]
    return value


def _is_drawn(sign: str) -> bool:
    point = ord(sign)
    if unicodedata.category(sign) in HIDDEN_CATEGORIES:
        return False
    return any(first <= point <= last for first, last in DRAWN)
