"""Memory of the service over half an hour of requests: all its processes together stay flat."""

from __future__ import annotations

import os
import tempfile
import time
from concurrent.futures import Future
from pathlib import Path

import numpy as np

from benchmarks.soak.figures import Report, at_most, none_of
from benchmarks.soak.open_loop import Ask, Heard, percentile_ms, start_driving
from benchmarks.soak.served import fill, reads, resident_mib, served
from tests.api.test_service_live import Live

MINUTES = "ARV_SOAK_MEMORY_MINUTES"
RATE_PER_S = 20.0
WORKERS = 2
EVERY_S = 5.0
#: The caches fill in this share of the time; growth is counted from there.
WARM_SHARE = 0.2
MOST_GROWTH_MIB = 20.0


def run(minutes: float | None = None) -> Report:
    """Return how much the memory grew after the caches had filled."""
    seconds = 60.0 * (minutes or float(os.environ.get(MINUTES, "30")))
    with tempfile.TemporaryDirectory(prefix="arv-soak-") as folder:
        data = Path(folder) / "data"
        with served(data, "--workers", str(WORKERS)) as service:
            fill(service)
            driving = start_driving(
                service.url, _asks(service), rate_per_s=RATE_PER_S, seconds=seconds
            )
            resident = _watched(service, driving)
            return _report(resident, driving.result(), seconds)


def _asks(service: Live) -> list[Ask]:
    """Return reads of every kind, and among them addresses that were never asked for before."""
    rng, known = np.random.default_rng(5), tuple(service.bearer.items())
    asks, every = [], reads(service)
    for number in range(20_000):
        if number % 4:
            asks.append(every[number % len(every)])
            continue
        west, south = rng.uniform((-0.5, 51.3), (0.2, 51.65))
        box = f"bbox={west:.6f},{south:.6f},{west + 0.05:.6f},{south + 0.05:.6f}"
        name = ("wards", "boroughs", "incidents")[int(rng.integers(3))]
        path = f"/ogc/collections/{name}/items?{box}"
        asks.append(Ask("GIS: any box", path, known))
        asks.append(Ask("no such area", f"/areas/{number}", known, allowed=frozenset({404})))
    return asks


def _watched(service: Live, driving: Future[list[Heard]]) -> list[float]:
    """Return the resident memory every few seconds until the requests are over, in MiB."""
    resident = []
    while not driving.done():
        resident.append(resident_mib(service.process.pid))
        time.sleep(EVERY_S)
    return resident


def _report(resident: list[float], heard: list[Heard], seconds: float) -> Report:
    warm = np.array(resident[int(len(resident) * WARM_SHARE) :])
    part = max(1, len(warm) // 5)
    growth = float(np.median(warm[-part:]) - np.median(warm[:part]))
    hours = np.arange(len(warm)) * EVERY_S / 3600
    slope = float(np.polyfit(hours, warm, 1)[0]) if len(warm) > 2 else float("nan")
    errors = [f"{one.name}: {one.status} {one.fault}" for one in heard if one.error]
    parts = " ".join(f"{np.median(one):.0f}" for one in np.array_split(np.array(resident), 10))
    minutes = f"{seconds / 60:.0f} minutes at {RATE_PER_S:.0f} requests/s"
    words = (
        f"{minutes}, {WORKERS} processes: {resident[0]:.0f} MiB at first, "
        f"{np.median(warm[:part]):.0f} warm, {np.median(warm[-part:]):.0f} at the end, "
        f"{max(resident):.0f} at most; by tenths of the time {parts}; "
        f"{slope:+.1f} MiB an hour by least squares; p95 "
        f"{percentile_ms(heard, 0.95):.0f} ms; errors {sorted(set(errors))[:5]}"
    )
    return Report(
        (
            at_most(f"service: memory growth, {minutes}", growth, MOST_GROWTH_MIB, "MiB"),
            none_of(f"service: errors, {minutes}", len(errors)),
        ),
        words,
    )
