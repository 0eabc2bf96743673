"""The service under load: health while plans are solved, reads at a steady rate, a cached map."""

from __future__ import annotations

import os
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import httpx
import numpy as np

from benchmarks.soak.figures import Report, at_least, at_most, joined, none_of
from benchmarks.soak.open_loop import Ask, Heard, percentile_ms, start_driving
from benchmarks.soak.served import PATIENCE_S, fill, processor_s, reads, served, until
from tests.api.test_service_live import Live

MINUTES = "ARV_SOAK_LOAD_MINUTES"
READS_PER_S, HEALTH_PER_S = 50.0, 20.0
N_SOLVES = 4
MOST_HEALTH_P99_MS, MOST_READ_P95_MS, MOST_MAP_MS = 50.0, 200.0, 50.0
SHUFFLE_SEED = 3
ENDED = frozenset({"successful", "failed", "dismissed"})


def run(minutes: float | None = None) -> Report:
    """Return the latencies of a service with one process, as it is started by default."""
    seconds = 60.0 * (minutes or float(os.environ.get(MINUTES, "5")))
    with (
        tempfile.TemporaryDirectory(prefix="arv-soak-") as folder,
        served(Path(folder) / "data") as service,
    ):
        fill(service)
        return joined([_reads(service, seconds), _map(service), _health(service, Path(folder))])


def _reads(service: Live, seconds: float) -> Report:
    asks = reads(service) * 10
    np.random.default_rng(SHUFFLE_SEED).shuffle(asks)
    begun_s, used_s = time.monotonic(), processor_s(service.process.pid)
    heard = start_driving(service.url, asks, rate_per_s=READS_PER_S, seconds=seconds).result()
    used_s = processor_s(service.process.pid) - used_s
    rate = len(heard) / max(one.due_s - begun_s for one in heard)
    how = f"{READS_PER_S:.0f} requests/s for {seconds / 60:.1f} minutes"
    figures = (
        at_most(f"service: reads, p95, {how}", percentile_ms(heard, 0.95), MOST_READ_P95_MS, "ms"),
        none_of(f"service: errors of reads, {how}", sum(one.error for one in heard)),
        at_least("service: reads sent a second", rate, 0.95 * READS_PER_S, "/s"),
    )
    used = f"the service used {1e3 * used_s / len(heard):.1f} ms of processor time a request"
    return Report(figures, f"{used}; {_by_kind(heard)}")


def _by_kind(heard: list[Heard]) -> str:
    kinds: dict[str, list[Heard]] = defaultdict(list)
    for one in heard:
        kinds[one.name].append(one)
    late_ms = float(np.quantile([one.late_s for one in heard], 0.99)) * 1e3
    lines = [f"the client sent 99 of 100 requests at most {late_ms:.0f} ms late"]
    lines += [
        f"{name}: p50 {percentile_ms(found, 0.5):.0f} ms, p95 {percentile_ms(found, 0.95):.0f}, "
        f"p99 {percentile_ms(found, 0.99):.0f}, {sum(one.error for one in found)} errors of "
        f"{len(found)}"
        for name, found in sorted(kinds.items())
    ]
    return "\n".join(lines)


def _map(service: Live) -> Report:
    """Ask for the map again and again: from memory, and as 304."""
    kinds = [one for one in reads(service) if one.name.startswith("map")]
    heard = start_driving(service.url, kinds, rate_per_s=10.0, seconds=20.0).result()
    figures = tuple(
        at_most(
            f"service: cached {kind.name}, p95",
            percentile_ms([one for one in heard if one.name == kind.name], 0.95),
            MOST_MAP_MS,
            "ms",
        )
        for kind in kinds
    )
    return Report((*figures, none_of("service: errors of the map", sum(o.error for o in heard))))


def _health(service: Live, folder: Path) -> Report:
    """Ask whether the service is up, all the while it solves plans that were sent as jobs."""
    stop = folder / "solved"
    driving = start_driving(
        service.url, [Ask("health", "/health")], rate_per_s=HEALTH_PER_S, seconds=1200.0, stop=stop
    )
    begun_s = time.monotonic()
    try:
        states = _solved(service)
    finally:
        ended_s = time.monotonic()
        stop.touch()
    heard = [one for one in driving.result() if begun_s <= one.due_s <= ended_s]
    what = f"during {N_SOLVES} solves"
    words = (
        f"{len(heard)} requests for /health in {ended_s - begun_s:.0f} s {what}: p50 "
        f"{percentile_ms(heard, 0.5):.1f} ms, at most {percentile_ms(heard, 1.0):.0f} ms"
    )
    figures = (
        at_most(f"service: /health, p99, {what}", percentile_ms(heard, 0.99),
                MOST_HEALTH_P99_MS, "ms"),
        none_of(f"service: errors of /health, {what}", sum(one.error for one in heard)),
        none_of("service: solves that failed", sum(one != "successful" for one in states)),
    )  # fmt: skip
    return Report(figures, words)


def _solved(service: Live) -> list[str]:
    """Send solves as jobs, all at once, and wait until each has ended; return how."""
    with httpx.Client(base_url=service.url, headers=service.bearer, timeout=60) as client:
        jobs = []
        for number in range(N_SOLVES):
            order = {"fleet_id": "example", "week": f"2026-W{49 + number}"}
            sent = client.post("/allocate", json=order, headers={"Prefer": "respond-async"})
            sent.raise_for_status()
            jobs.append(sent.headers["location"])
        return [
            until(lambda job=job: _ending(client, job), 2 * PATIENCE_S, "the solves")  # type: ignore[misc]  # mypy cannot infer a lambda with a default
            for job in jobs
        ]


def _ending(client: httpx.Client, job: str) -> str:
    status = str(client.get(job).json()["status"])
    return status if status in ENDED else ""
