"""The content policy of a stored map, which is one file with its script and style inside."""

from __future__ import annotations

import html
import re

from api.envelope import DATA_POLICY

_HEAD_BYTES = 64 * 1024
_POLICY = re.compile(
    rb"<meta\s+http-equiv=\"Content-Security-Policy\"\s+content=\"([^\"]{1,4096})\"", re.IGNORECASE
)


def map_policy(document: bytes) -> str:
    """Return the policy the map declares for itself, framed nowhere.

    The map lists the digests of its own script and style in its first ``meta`` element; the
    header repeats them, so that the policy holds from the first byte. A map without one gets
    the policy of plain data, under which nothing runs.
    """
    found = _POLICY.search(document[:_HEAD_BYTES])
    if found is None:
        return DATA_POLICY
    declared = html.unescape(found[1].decode("ascii", "replace")).rstrip("; ")
    if any(sign in declared for sign in "\r\n") or "unsafe" in declared:
        return DATA_POLICY
    return f"{declared}; frame-ancestors 'none'"
