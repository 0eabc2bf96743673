"""A real service on loopback with a week in it: the sample, its feeds, and a plan in the record."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from api.files.sample_data import sample_feeds
from benchmarks.soak.open_loop import Ask
from tests.api.test_service_live import Live, live

WEEK = "2026-W48"
HTML = (("Accept", "text/html"),)
PATIENCE_S = 300.0
METRES = "http://www.opengis.net/def/crs/EPSG/0/27700"


class SoakError(RuntimeError):
    """The service did not come to where a soak can begin."""


def until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Wait until something is true and return it."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise SoakError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.1)
    return found


@contextmanager
def served(data: Path, *options: str, token: str = "") -> Iterator[Live]:
    """Yield a service; its token is known from its first start."""
    with live(data, *options) as service:
        yield Live(service.url, service.token or token, service.process, data)


def fill(service: Live) -> None:
    """Wait for the sample, take its feeds into the store, and draft the plan of the week."""
    with httpx.Client(base_url=service.url, headers=service.bearer, timeout=60) as client:
        week = f"/allocate?week={WEEK}"
        until(lambda: client.get(week).is_success, PATIENCE_S, "the sample")
        for path in sample_feeds():
            answer = client.post(
                "/feeds", files={"file": (path.name, path.read_bytes()), **_coverage(path)},
                data={"report_rejected": "true"},
            )  # fmt: skip
            if not answer.is_success:
                raise SoakError(f"{path.name} was not taken in: {answer.text}")
        drafted = client.post("/plans", json={"week": WEEK})
        if not drafted.is_success:
            raise SoakError(f"the plan was not drafted: {drafted.text}")


def _coverage(path: Path) -> dict[str, tuple[str, bytes]]:
    beside = path.with_name(f"{path.stem}.coverage.csv")
    return {"coverage": (beside.name, beside.read_bytes())} if beside.is_file() else {}


def reads(service: Live) -> list[Ask]:
    """Return one read of every kind: documents, pages, lists, GeoJSON, a GIS, files for it."""
    week, ogc, etag = f"week={WEEK}", "/ogc/collections", _etag(service)
    known = tuple(service.bearer.items())

    def ask(
        path: str, headers: tuple[tuple[str, str], ...] = (), name: str = "", status: int = 200
    ) -> Ask:
        return Ask(name or path, path, known + headers, allowed=frozenset({status}))

    return [
        ask(f"/allocate?{week}", name="plan as JSON"),
        ask(f"/allocate?{week}", HTML, "map"),
        ask(f"/allocate?{week}", (*HTML, ("If-None-Match", etag)), "map, 304", 304),
        ask("/", HTML, "the meeting's page"),
        ask(f"/plans?{week}"),
        ask("/feeds?limit=50"),
        ask("/incidents?limit=50"),
        ask("/jobs"),
        ask("/boroughs/E09000012"),
        ask(f"/allocate/plan.geojson?{week}", name="plan as GeoJSON"),
        ask("/assessment", name="assessment as JSON"),
        ask(ogc),
        ask(f"{ogc}/wards/items?limit=1000", name="GIS: 704 wards"),
        ask(f"{ogc}/wards/items?bbox=-0.2,51.4,0.0,51.6", name="GIS: wards in a box"),
        ask(f"{ogc}/boroughs/items?crs={METRES}", name="GIS: boroughs in metres"),
        ask(f"{ogc}/patrol-areas/items", name="GIS: patrol areas"),
        ask(f"{ogc}/incidents/items?limit=100", name="GIS: incidents"),
        ask("/areas/E09000012", HTML, "one area"),
        ask("/openapi.json"),
        ask("/ready"),
    ]  # fmt: skip


def _etag(service: Live) -> str:
    address = f"{service.url}/allocate?week={WEEK}"
    headers = {**service.bearer, **dict(HTML)}
    return httpx.get(address, headers=headers, timeout=60).headers["etag"]


def family(pid: int) -> list[int]:
    """Return a process and everything it started that still runs."""
    found = [pid]
    for one in found:
        with suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def processor_s(pid: int) -> float:
    """Return the processor time that a process and all it started have used, in seconds."""
    total = 0
    for one in family(pid):
        with suppress(OSError):
            spent = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            total += int(spent[11]) + int(spent[12])
    return total / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int) -> float:
    """Return the resident memory of a process and all it started, in MiB."""
    page_bytes, total = os.sysconf("SC_PAGE_SIZE"), 0
    for one in family(pid):
        with suppress(OSError):
            total += int(Path(f"/proc/{one}/statm").read_text().split()[1]) * page_bytes
    return total / 2**20
