"""Text from outside, made harmless in HTML, in JavaScript templates and in data blocks."""

from __future__ import annotations

import html
import json
import re

from markupsafe import Markup

_TEMPLATE_CHARACTERS = {"`": "&#96;", "$": "&#36;", "\\": "&#92;", "{": "&#123;", "}": "&#125;"}
_JSON_CHARACTERS = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "`": "\\u0060"}
#: Control characters but for tab and new line, surrogates, and what reorders text on screen, by
#: which a name could pretend to be another.
_HIDDEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff"
    r"\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]"
)


def safe_text(value: object) -> Markup:
    """Return ``value`` as HTML text or attribute content that can never run.

    HTML characters first, then the backtick, dollar, backslash and braces, which mapping
    libraries put through template languages of their own. Control characters are shown as
    the replacement character.
    """
    if isinstance(value, Markup):
        return value
    text = html.escape(visible(str(value)), quote=True)
    for character, entity in _TEMPLATE_CHARACTERS.items():
        text = text.replace(character, entity)
    return Markup(text)  # noqa: S704 - every special character has just been escaped


def visible(text: str) -> str:
    """Replace control, surrogate and text-reordering characters by U+FFFD."""
    return _HIDDEN.sub("\ufffd", text)


def data_block(value: object) -> Markup:
    """Return ``value`` as JSON for a ``<script type="application/json">`` element."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    for character, escape in _JSON_CHARACTERS.items():
        text = text.replace(character, escape)
    return Markup(text)  # noqa: S704 - no character that could end the element is left
