"""`python -m benchmarks [NAME]...`: run every benchmark, or the named ones, and print tables."""

from __future__ import annotations

import sys
from collections.abc import Callable

from benchmarks import (
    allocator_busy_fraction,
    allocator_failures,
    allocator_growth,
    allocator_hypercube,
    allocator_losses,
    allocator_plan,
    allocator_requests,
    allocator_simulation,
    allocator_tpu,
    allocator_travel,
    kernel_speed,
    london_wards,
    mclp,
    nyc,
    p_median,
    patterns,
    placement_pictures,
    response_times,
    scale,
    spine,
)

BENCHMARKS: dict[str, Callable[[], str]] = {
    "spine": spine.run,
    "nyc": nyc.run,
    "london_wards": london_wards.run,
    "patterns": patterns.run,
    "kernel_speed": kernel_speed.run,
    "scale": scale.run,
    "allocator_plan": allocator_plan.run,
    "allocator_losses": allocator_losses.run,
    "allocator_requests": allocator_requests.run,
    "allocator_growth": allocator_growth.run,
    "placement_pictures": placement_pictures.run,
    "allocator_travel": allocator_travel.run,
    "allocator_simulation": allocator_simulation.run,
    "allocator_hypercube": allocator_hypercube.run,
    "allocator_failures": allocator_failures.run,
    "allocator_busy_fraction": allocator_busy_fraction.run,
    "response_times": response_times.run,
    "allocator_tpu": allocator_tpu.run,
    "allocator_mclp": mclp.run,
    "allocator_p_median": p_median.run,
}


def main(names: list[str]) -> int:
    """Run the named benchmarks (all without names); return 2 for an unknown name."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"unknown benchmark {unknown[0]!r}; there are: {', '.join(BENCHMARKS)}")
        return 2
    for name in names or list(BENCHMARKS):
        print(f"== {name}\n{BENCHMARKS[name]()}\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
