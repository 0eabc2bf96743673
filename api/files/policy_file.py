"""Read an evidence policy the meeting wrote, or the bundled one."""

from __future__ import annotations

from pathlib import Path

from hotspots.errors import FeedRefusedError, PolicyRefusedError
from hotspots.feeds.whole_file import read_whole_text
from hotspots.sources import EvidencePolicy, load_default_policy, parse_policy

MAX_BYTES = 2**20


def read_policy(path: Path | None) -> EvidencePolicy:
    """Return the policy in a TOML file; without a path, the bundled default.

    Raises
    ------
    PolicyRefusedError
        When the file is missing, too large, not text, or not a valid policy.
    """
    if path is None:
        return load_default_policy()
    try:
        text = read_whole_text(path, max_bytes=MAX_BYTES)
    except FeedRefusedError as fault:
        raise PolicyRefusedError(
            fault.problem,
            remedy=f"{fault.remedy}; start from the bundled policy, printed in docs/model.md",
            file=path.name,
        ) from fault
    return parse_policy(text)
