"""Names people sign in with: one spelling each, and none that looks like another.

A name is lower-case Latin letters and digits with single dots, hyphens or underscores between
them. A name written with compatibility forms (full-width letters, ligatures), with letters of
another script that look Latin (a Cyrillic ``а``) or with characters that do not show is refused
and says which character it was. Two names that a hurried reader takes for the same (``rn`` and
``m``, ``l`` and ``1``, accents) have one skeleton, and only one of them can be an account.
What a person is called is another field, which takes any script.
"""

from __future__ import annotations

import re
import unicodedata

from api.refusals import AccountRefusedError

LEAST_CHARACTERS, MOST_CHARACTERS = 2, 64
MOST_DISPLAY = 200
#: Names the record uses for those who are no person.
RESERVED = frozenset({"anonymous", "anyone", "nobody", "system", "operator"})
_SEPARATORS = "._-"
_FORM = re.compile(r"[^\W\d_]\w*(?:[.\-_][^\W_]+)*")
_ALIKE = str.maketrans(
    {"0": "o", "1": "l", "i": "l", "5": "s", "ı": "l", "ł": "l", "ø": "o", "đ": "d", "ð": "d",
     "ħ": "h", "ŧ": "t", "ɑ": "a", "ɡ": "g", "ƒ": "f", ".": None, "-": None, "_": None}
)  # fmt: skip
_PAIRS = (("rn", "m"), ("vv", "w"), ("ß", "ss"), ("æ", "ae"), ("œ", "oe"), ("þ", "th"))


def checked_name(given: str) -> str:
    """Return the one spelling of a name.

    Parameters
    ----------
    given
        As typed; capitals are folded, blanks around it dropped.

    Raises
    ------
    AccountRefusedError
        Naming the character, or the bound.
    """
    trimmed = given.strip()
    if len(trimmed) > MOST_CHARACTERS * 4:
        raise _refused("the name is far too long", trimmed[:20])
    if unicodedata.normalize("NFKC", trimmed) != unicodedata.normalize("NFC", trimmed):
        raise _refused("the name holds characters that only look like plain letters", trimmed)
    normal = unicodedata.normalize("NFKC", trimmed.casefold())
    for sign in normal:
        _check_sign(sign, trimmed)
    if not LEAST_CHARACTERS <= len(normal) <= MOST_CHARACTERS:
        raise _refused(
            f"the name has {len(normal)} characters, not {LEAST_CHARACTERS} to {MOST_CHARACTERS}",
            trimmed,
        )
    if not _FORM.fullmatch(normal):
        raise _refused(
            "the name begins with a letter and has single separators inside only", trimmed
        )
    if normal in RESERVED:
        raise _refused("the name is kept for the record's own use", trimmed)
    return normal


def skeleton(name: str) -> str:
    """Return what a name looks like to a hurried reader; equal skeletons cannot be told apart."""
    bare = "".join(
        sign for sign in unicodedata.normalize("NFKD", name) if not unicodedata.combining(sign)
    )
    for pair, alike in _PAIRS:
        bare = bare.replace(pair, alike)
    return bare.translate(_ALIKE)


def checked_display_name(given: str) -> str:
    """Return what a person is called: any script, printable, of bounded length.

    Raises
    ------
    AccountRefusedError
        When it is empty, too long, or holds characters that do not print.
    """
    shown = unicodedata.normalize("NFC", " ".join(given.split()))
    if not 1 <= len(shown) <= MOST_DISPLAY:
        raise _refused(
            f"the display name has {len(shown)} characters, not 1 to {MOST_DISPLAY}", shown[:20]
        )
    odd = next((sign for sign in shown if not sign.isprintable()), None)
    if odd is not None:
        raise _refused(f"the display name holds {_words(odd)}, which does not print", shown)
    return shown


def _check_sign(sign: str, name: str) -> None:
    if sign in _SEPARATORS or (sign.isascii() and sign.isalnum()):
        return
    if not sign.isalpha():
        raise _refused(f"the name holds {_words(sign)}", name)
    if not unicodedata.name(sign, "").startswith("LATIN "):
        raise _refused(f"the name holds {_words(sign)}, which is not a Latin letter", name)


def _words(sign: str) -> str:
    return f"U+{ord(sign):04X} {unicodedata.name(sign, 'a character without a name')}"


def _refused(problem: str, value: str) -> AccountRefusedError:
    return AccountRefusedError(
        problem,
        remedy="use Latin letters and digits with single . - or _ between them; "
        "the display name takes any script",
        value=value,
    )
