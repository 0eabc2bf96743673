"""Read an evidence policy the meeting wrote, or the bundled one."""

from __future__ import annotations

from pathlib import Path

from hotspots.errors import PolicyRefusedError
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
    remedy = "start from the bundled policy, printed in docs/model.md"
    try:
        if path.stat().st_size > MAX_BYTES:
            raise PolicyRefusedError(
                f"larger than {MAX_BYTES} bytes", remedy=remedy, file=path.name
            )
        return parse_policy(path.read_text(encoding="utf-8"))
    except FileNotFoundError as fault:
        raise PolicyRefusedError("the file is not there", remedy=remedy, file=str(path)) from fault
    except UnicodeDecodeError as fault:
        raise PolicyRefusedError("not UTF-8 text", remedy=remedy, file=path.name) from fault
