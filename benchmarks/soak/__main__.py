"""`python -m benchmarks.soak [NAME]...`: run every soak, or the named ones, and print figures."""

from __future__ import annotations

import sys
from collections.abc import Callable

from benchmarks.soak import (
    audit_record,
    backup_drill,
    full_disk,
    ingest_timing,
    kill_approval,
    kill_ingest,
)

SOAKS: dict[str, Callable[[], str]] = {
    "ingest_timing": ingest_timing.run,
    "kill_ingest": kill_ingest.run,
    "kill_approval": kill_approval.run,
    "audit_record": audit_record.run,
    "full_disk": full_disk.run,
    "backup_drill": backup_drill.run,
}


def main(names: list[str]) -> int:
    """Run the named soaks (all without names); return 2 for an unknown name."""
    unknown = [name for name in names if name not in SOAKS]
    if unknown:
        print(f"unknown soak {unknown[0]!r}; there are: {', '.join(SOAKS)}")
        return 2
    for name in names or list(SOAKS):
        print(f"== {name}\n{SOAKS[name]()}\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
