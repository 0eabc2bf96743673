"""The administrator's token: printed once, kept only as a digest.

The token is 256 random bits. A plain SHA-256 digest is enough to keep it: slow password hashes
defend secrets that a person chose and a list of guesses may hold, and 2^256 equally likely
values leave nothing to guess. The comparison takes the same time wherever the texts differ.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from pathlib import Path

from api.files.output import json_text, text_writer, write_file
from api.settings import ServiceRefusedError

TOKEN_BYTES = 32
DIGEST_FILE = "administrator.json"
PREFIX = "arv_"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MAX_FILE_BYTES = 4096


def new_token() -> str:
    """Return a fresh token of 256 random bits, safe in a header and in a form."""
    return PREFIX + secrets.token_urlsafe(TOKEN_BYTES)


def digest(token: str) -> str:
    """Return the SHA-256 digest of a token, as 64 hexadecimal digits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def matches(token: str, kept: str) -> bool:
    """Return whether a token has the kept digest, in constant time."""
    return hmac.compare_digest(digest(token), kept)


def read_digest(data_dir: Path) -> str | None:
    """Return the kept digest, or ``None`` on the first run.

    Raises
    ------
    ServiceRefusedError
        When the file is there but damaged: starting anyway would lock everyone out.
    """
    path = data_dir / DIGEST_FILE
    try:
        with path.open("rb") as handle:
            value = json.loads(handle.read(_MAX_FILE_BYTES))
        kept = value["sha256"]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as fault:
        raise _damaged(path) from fault
    if not isinstance(kept, str) or not _DIGEST.fullmatch(kept):
        raise _damaged(path)
    return kept


def issue_token(data_dir: Path) -> str:
    """Make a new token, keep its digest in place of any earlier one, and return the token."""
    token = new_token()
    document = {"scheme": "sha256 of a 256-bit random token", "sha256": digest(token)}
    write_file(data_dir / DIGEST_FILE, text_writer(json_text(document)))
    (data_dir / DIGEST_FILE).chmod(0o600)
    return token


def _damaged(path: Path) -> ServiceRefusedError:
    return ServiceRefusedError(
        "the kept token is damaged",
        remedy="start once with --new-token, which replaces it",
        file=path.name,
    )
