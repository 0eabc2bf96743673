"""Counts for Prometheus: requests by route and status, how long they took, jobs and solves.

No label holds what a person sent: routes are templates, never addresses.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

MEDIA_TYPE = CONTENT_TYPE_LATEST
#: Where the processes of one service keep their counts; set by ``arv serve --workers``.
FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)


class Metrics:
    """The counts of one process of the service."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "arv_requests", "Requests answered.", ("method", "route", "status"),
            registry=self._registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "arv_request_seconds", "Time to the end of the answer.", ("method", "route"),
            buckets=SECONDS, registry=self._registry,
        )  # fmt: skip
        self._solves = Gauge(
            "arv_solves", "Pieces of heavy work that run or wait for a process.",
            registry=self._registry, multiprocess_mode="livesum",
        )  # fmt: skip
        self._streams = Gauge(
            "arv_event_streams", "Clients that follow a job.",
            registry=self._registry, multiprocess_mode="livesum",
        )  # fmt: skip

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def text(self, *, solves: int, streams: int, jobs: Mapping[str, int]) -> bytes:
        """Return every count as Prometheus reads it.

        Parameters
        ----------
        solves, streams
            What this process is doing at this moment.
        jobs
            Jobs of the store that are not over, by state.
        """
        self._solves.set(solves)
        self._streams.set(streams)
        if os.environ.get(FOLDER_VARIABLE):
            everyone = CollectorRegistry()
            MultiProcessCollector(everyone)  # type: ignore[no-untyped-call]  # of the library
        else:
            everyone = self._registry
        return generate_latest(everyone) + generate_latest(_jobs(jobs))


class _OpenJobs(Collector):
    """The jobs of the store, which are the same for every process."""

    def __init__(self, numbers: Mapping[str, int]) -> None:
        self._numbers = numbers

    def collect(self) -> Iterator[Metric]:
        """Yield one gauge with a value a state."""
        gauge = GaugeMetricFamily(
            "arv_open_jobs", "Jobs that are not over, by state.", labels=["state"]
        )
        for state, number in sorted(self._numbers.items()):
            gauge.add_metric([state], number)
        yield gauge


def _jobs(numbers: Mapping[str, int]) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_OpenJobs(numbers))
    return registry
