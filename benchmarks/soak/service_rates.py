"""Rates hold however many processes answer, and whoever a caller claims to be."""

from __future__ import annotations

import tempfile
from pathlib import Path

import httpx

from api.settings import Limits
from benchmarks.soak.figures import Figure, Report, at_least, at_most, joined
from benchmarks.soak.open_loop import Ask, Heard, start_driving
from benchmarks.soak.served import served
from tests.api.test_service_live import Live

RATE_PER_S = 150.0
WINDOW_S = 60.0
#: The window begins with the first request; what comes after it counts anew.
ASKED_S = 50.0
#: Reads by which the soak itself may have found out that the service was up.
OWN_READS = 20


def run() -> Report:
    """Return how many requests of one caller were let through in a minute."""
    return joined([_measured(workers) for workers in (1, 4)])


def _measured(workers: int) -> Report:
    with tempfile.TemporaryDirectory(prefix="arv-soak-") as folder:
        options = ("--no-sample", "--workers", str(workers))
        with served(Path(folder) / "data", *options) as service:
            return _counted(service, workers)


def _counted(service: Live, workers: int) -> Report:
    """Ask as a stranger who forges an address with every request, and as a known caller."""
    most = Limits().reads_per_minute
    asks = [_forged(number) for number in range(250)]
    driving = start_driving(service.url, asks, rate_per_s=RATE_PER_S, seconds=ASKED_S)
    heard = driving.result()
    known = httpx.get(f"{service.url}/jobs", headers=service.bearer, timeout=30).status_code
    passed, turned_away = _number(heard, 200), _number(heard, 429)
    where = f"{workers} process{'es' if workers > 1 else ''}, forged X-Forwarded-For"
    others = len(heard) - passed - turned_away + (known != 200)
    figures: list[Figure] = [
        at_most(f"rates: reads let through in a minute, {where}", passed, most),
        at_least(f"rates: reads not wrongly turned away, {where}", passed, most - OWN_READS),
        at_most(f"rates: other answers, or a known caller turned away, {where}", others, 0),
    ]
    return Report(tuple(figures), f"{where}: {turned_away} of {len(heard)} turned away")


def _forged(number: int) -> Ask:
    forged = (("X-Forwarded-For", f"10.0.{number}.1"), ("Forwarded", f"for=10.0.{number}.1"))
    return Ask("health", "/health", forged, allowed=frozenset({200, 429}))


def _number(heard: list[Heard], status: int) -> int:
    return sum(one.status == status for one in heard)
