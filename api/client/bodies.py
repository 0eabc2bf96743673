"""Bodies that can be sent again, byte for byte: JSON, forms, and forms with files."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

PIECE_BYTES = 2**18


@dataclass(frozen=True)
class Body:
    """What a request carries. ``parts`` are bytes, or files that are read while they are sent."""

    media_type: str
    parts: tuple[bytes | Path, ...]

    @property
    def length(self) -> int:
        """Number of bytes."""
        return sum(
            part.stat().st_size if isinstance(part, Path) else len(part) for part in self.parts
        )

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes from the first, however often it is called."""
        for part in self.parts:
            if isinstance(part, bytes):
                yield part
                continue
            with part.open("rb") as handle:
                while piece := handle.read(PIECE_BYTES):
                    yield piece


def json_body(value: object) -> Body:
    """Return a value as JSON; days and times as ISO 8601 writes them."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_moment)
    return Body("application/json", (text.encode("utf-8"),))


def _moment(value: object) -> str:
    if isinstance(value, date | time):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def toml_body(file: Path) -> Body:
    """Return a file of settings as it is."""
    return Body("application/toml", (file,))


def fields_body(fields: Mapping[str, str]) -> Body:
    """Return fields as a form without files."""
    return Body("application/x-www-form-urlencoded", (urlencode(fields).encode("ascii"),))


def form_body(fields: Mapping[str, Any], files: Sequence[tuple[str, Path]]) -> Body:
    """Return fields and files as one form (RFC 7578).

    Parameters
    ----------
    fields
        Values by name; ``None`` is left out, truth is written ``true`` or ``false``.
    files
        Name of the field and path, any number of one name.
    """
    boundary = f"arv-{secrets.token_hex(16)}"
    parts: list[bytes | Path] = []
    for name, value in fields.items():
        if value is None:
            continue
        parts.append(f"{_head(boundary, name)}\r\n\r\n{plain(value)}\r\n".encode())
    for name, path in files:
        head = f'{_head(boundary, name)}; filename="{_quoted(path.name)}"'
        parts += [
            f"{head}\r\nContent-Type: application/octet-stream\r\n\r\n".encode(),
            path,
            b"\r\n",
        ]
    parts.append(f"--{boundary}--\r\n".encode("ascii"))
    return Body(f"multipart/form-data; boundary={boundary}", tuple(parts))


def plain(value: object) -> str:
    """Return a value as forms and queries write it: truth is ``true`` or ``false``."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _head(boundary: str, name: str) -> str:
    return f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"'


def _quoted(text: str) -> str:
    """Return a text that cannot end its own quotes or line (HTML, multipart/form-data)."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
