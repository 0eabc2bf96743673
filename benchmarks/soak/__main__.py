"""`python -m benchmarks.soak [NAME]...`: run every soak, or the named ones, and print a table.

Figures that depend on time are measured alone. The half hour over which the memory of the
service is watched is filled with the parts that count faults, not seconds. The exit status is 1
when a figure missed its target.
"""

from __future__ import annotations

import sys
import time

from benchmarks.soak.figures import Figure, table
from benchmarks.soak.parts import Part, run_alone, run_beside

_HERE = "benchmarks.soak"
TIMED = (
    Part(f"{_HERE}.service_load", 900),
    Part(f"{_HERE}.service_rates", 240),
    Part(f"{_HERE}.ingest_timing", 120),
    Part(f"{_HERE}.audit_record", 420),
)
#: Run beside one another, over the half hour that the watch of the memory takes.
LANES = (
    (Part(f"{_HERE}.service_memory", 2100),),
    (Part(f"{_HERE}.service_malformed", 900), Part(f"{_HERE}.service_schema", 1200)),
    (
        Part(f"{_HERE}.service_restart", 480),
        Part(f"{_HERE}.full_disk", 120),
        Part(f"{_HERE}.backup_drill", 240),
        Part(f"{_HERE}.kill_approval", 480),
        Part(f"{_HERE}.kill_ingest", 900),
    ),
)


def main(names: list[str]) -> int:
    """Run the named soaks (all without names); return 1 for a miss, 2 for an unknown name."""
    every = {one.name: one for lane in (TIMED, *LANES) for one in lane}
    for name in names:
        if name not in every:
            print(f"unknown soak {name!r}; there are: {', '.join(every)}", file=sys.stderr)
            return 2
    begun_s = time.monotonic()
    wanted = set(names or every)
    figures = run_alone([one for one in TIMED if one.name in wanted])
    lanes = [[one for one in lane if one.name in wanted] for lane in LANES]
    figures += run_beside([lane for lane in lanes if lane])
    return _summed_up(figures, time.monotonic() - begun_s)


def _summed_up(figures: list[Figure], took_s: float) -> int:
    missed = [one for one in figures if not one.met]
    print(f"{table(figures)}\n\n{len(figures)} figures in {took_s / 60:.0f} minutes, ", end="")
    print(f"{len(missed)} missed their target" if missed else "all reached their target")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
