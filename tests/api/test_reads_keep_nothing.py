"""Reads that are asked for again and again leave nothing behind in the service."""

from __future__ import annotations

import gc
from pathlib import Path

from sqlalchemy import Column

from hotspots.boundaries.study_area import load_bundled
from tests.api.service_world import BEARER, WEEK, client_of, fill, made_up_week, service

READS = (
    "/ready", "/health", f"/allocate?week={WEEK}", f"/?week={WEEK}", f"/plans?week={WEEK}",
    "/feeds", "/incidents", "/jobs", "/boroughs", "/wards?limit=5", "/hot-spots", "/fleets",
    "/events", "/actions", "/assessments", "/users", "/keys", "/evidence",
    "/under-way", "/verano", "/actions-arising", "/people", "/program-keys", "/metrics",
    "/ogc/collections/wards/items?bbox=-0.1,51.5,0.0,51.55", "/ogc/collections/incidents/items",
    "/ogc/collections/patrol-areas/items",
)  # fmt: skip


def described() -> int:
    """Return how many columns are described: each statement made anew keeps its own."""
    gc.collect()
    return sum(isinstance(one, Column) for one in gc.get_objects())


def test_no_read_leaves_a_description_of_the_database_behind(tmp_path: Path) -> None:
    root, area = tmp_path / "data", load_bundled()
    fill(root, area, *made_up_week(area))
    grown = {}
    with client_of(service(root)) as client:
        for path in READS:
            for _ in range(2):
                assert client.get(path, headers=BEARER).status_code < 400, path
        for path in READS:
            before = described()
            for _ in range(3):
                client.get(path, headers=BEARER)
            if described() > before:
                grown[path] = described() - before
    assert grown == {}
