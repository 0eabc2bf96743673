"""What could hide or reorder text is shown as the replacement character, and nothing else is."""

from __future__ import annotations

import sys
import time
import unicodedata

from api.maps.escaping import visible

REORDER = {0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}


def hidden(point: int) -> bool:
    """Return what the rule says, by the database of Unicode."""
    return point in REORDER or (
        unicodedata.category(chr(point)) in {"Cc", "Cs"} and chr(point) not in "\n\t"
    )


def test_every_character_of_unicode_is_shown_or_replaced() -> None:
    every = range(sys.maxunicode + 1)
    shown = visible("".join(map(chr, every)))
    assert [ord(one) for one in shown] == [0xFFFD if hidden(one) else one for one in every]


def test_a_drawing_of_half_a_million_characters_is_looked_through_quickly() -> None:
    begun = time.process_time()
    assert visible("M530 180l12 -7" * 40_000).startswith("M530")
    assert time.process_time() - begun < 0.1
