"""Drive times from outside: a Parquet matrix, or the table service of a routing server.

OSRM (``/table/v1``) and Valhalla (``/sources_to_targets``) answer with tables of seconds between
coordinates; wards are asked about in blocks. Everything read is checked by
:func:`allocator.travel_time.travel_time` and carries its source and hash into the plan.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyproj import Transformer

from allocator.errors import PlanningRefusedError
from allocator.travel_time import TravelTime, travel_time
from hotspots.assessment import RiskAssessment, WardPlace

Floats = NDArray[np.float64]
Service = Literal["osrm", "valhalla"]
COLUMNS = ("from_ward", "to_ward", "seconds")
MAX_ROWS = 4_000_000
MAX_ANSWER_BYTES = 64 * 2**20
RETRIED_STATUS = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True)
class RoutingServer:
    """A routing server that the user runs or may ask.

    ``block`` wards are asked about at once on either side; ``attempts`` tries are made for each
    block, ``pause_s`` apart and doubling. ``blue_light_factor`` divides the answered times.
    """

    url: str
    service: Service
    block: int = 50
    timeout_s: float = 30.0
    attempts: int = 3
    pause_s: float = 0.5
    blue_light_factor: float = 1.0
    time_band: str = "all hours"


def read_travel(path: Path, assessment: RiskAssessment) -> TravelTime:
    """Read a matrix of drive times from a Parquet file.

    Parameters
    ----------
    path
        Columns ``from_ward``, ``to_ward`` (ward codes) and ``seconds``: one row for every
        ordered pair of the assessment's wards, each with itself included. Other wards are left
        out. The file's metadata may hold ``source``, ``time_band`` and ``blue_light_factor``.
    assessment
        Gives the wards and their order.

    Raises
    ------
    PlanningRefusedError
        The file cannot be read, has other columns, or a pair is missing, repeated or has a time
        that is negative or not a number.
    """
    try:
        file = pq.ParquetFile(path)
        missing = [name for name in COLUMNS if name not in file.schema_arrow.names]
        if missing:
            raise _refused(path.name, f"has no column {missing[0]!r}")
        if file.metadata.num_rows > MAX_ROWS:
            raise _refused(path.name, f"has {file.metadata.num_rows} rows, more than {MAX_ROWS}")
        table = file.read(list(COLUMNS))
    except (OSError, pa.ArrowException) as fault:
        raise _refused(path.name, f"cannot be read: {str(fault).splitlines()[0]}") from fault
    codes = tuple(place.code for place in assessment.places)
    seconds = _matrix(path.name, table, codes)
    about = {
        key.decode(errors="replace"): value.decode(errors="replace")
        for key, value in (file.schema_arrow.metadata or {}).items()
    }
    return travel_time(
        codes,
        seconds,
        source=about.get("source", f"file {path.name}"),
        time_band=about.get("time_band", "all hours"),
        blue_light_factor=_factor(path.name, about.get("blue_light_factor", "1")),
    )


def ask_routing_server(
    server: RoutingServer,
    assessment: RiskAssessment,
    progress: Callable[[str, float], None] | None = None,
) -> TravelTime:
    """Ask a routing server for the drive times between all ward centres.

    Raises
    ------
    PlanningRefusedError
        The address is not http or https, the server does not answer in time after the attempts,
        answers with something else than a table, or finds no road to a ward.
    """
    if not server.url.startswith(("http://", "https://")):
        raise PlanningRefusedError(
            f"the routing server {server.url!r} is not an http or https address",
            remedy="give its address, for example http://127.0.0.1:5000",
        )
    if server.block < 1 or server.attempts < 1 or not server.blue_light_factor > 0:
        raise PlanningRefusedError(
            f"block {server.block}, attempts {server.attempts} and blue_light_factor "
            f"{server.blue_light_factor} must be above 0",
            remedy="give values above 0",
        )
    points = _longitude_latitude(assessment.places)
    n_wards = len(points)
    seconds = np.full((n_wards, n_wards), np.nan)
    starts = range(0, n_wards, server.block)
    done = 0
    for row in starts:
        for column in starts:
            rows = slice(row, min(row + server.block, n_wards))
            columns = slice(column, min(column + server.block, n_wards))
            seconds[rows, columns] = _block(server, points[rows], points[columns])
            done += 1
            if progress is not None:
                progress("Asking for drive times", done / len(starts) ** 2)
    return travel_time(
        tuple(place.code for place in assessment.places),
        seconds / server.blue_light_factor,
        source=f"{server.service} table service",
        time_band=server.time_band,
        blue_light_factor=server.blue_light_factor,
    )


def _matrix(name: str, table: pa.Table, codes: tuple[str, ...]) -> Floats:
    index = {code: number for number, code in enumerate(codes)}
    ends = [
        np.array([index.get(code, -1) for code in table.column(column).to_pylist()], dtype=np.intp)
        for column in COLUMNS[:2]
    ]
    kind = table.schema.field("seconds").type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        raise _refused(name, "has seconds that are not numbers")
    values = table.column("seconds").cast(pa.float64(), safe=False).to_numpy()
    inside = (ends[0] >= 0) & (ends[1] >= 0)
    start, end = ends[0][inside], ends[1][inside]
    count = np.zeros((len(codes), len(codes)), dtype=np.intp)
    np.add.at(count, (start, end), 1)
    for wrong, words in ((count == 0, "does not give"), (count > 1, "gives more than once")):
        if wrong.any():
            i, j = (int(number) for number in np.argwhere(wrong)[0])
            raise _refused(
                name, f"{words} the drive from ward {codes[i]} to {codes[j]} ({wrong.sum()} such)"
            )
    seconds = np.zeros((len(codes), len(codes)))
    seconds[start, end] = values[inside]
    return seconds


def _factor(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not 0 < value < np.inf:
        raise _refused(name, f"has the blue_light_factor {text!r}")
    return value


def _longitude_latitude(places: tuple[WardPlace, ...]) -> list[tuple[float, float]]:
    transformer = Transformer.from_crs(27700, 4326, always_xy=True)
    longitude, latitude = transformer.transform(
        [place.x_m for place in places], [place.y_m for place in places]
    )
    return [(round(x, 6), round(y, 6)) for x, y in zip(longitude, latitude, strict=True)]


def _block(
    server: RoutingServer, rows: list[tuple[float, float]], columns: list[tuple[float, float]]
) -> Floats:
    answer = _answer(server, _request(server, rows, columns))
    try:
        if server.service == "osrm":
            table = [[_seconds(cell) for cell in row] for row in answer["durations"]]
        else:
            table = [
                [_seconds(cell["time"]) for cell in row] for row in answer["sources_to_targets"]
            ]
        seconds = np.array(table, dtype=np.float64)
    except (KeyError, TypeError, ValueError) as fault:
        raise _unusable(server, "is no table of times") from fault
    if seconds.shape != (len(rows), len(columns)):
        raise _unusable(server, f"is {seconds.shape}, asked were ({len(rows)}, {len(columns)})")
    return seconds


def _seconds(cell: object) -> float:
    """Return the time, or not a number where the server found no road."""
    if cell is None:
        return np.nan
    if isinstance(cell, bool) or not isinstance(cell, (int, float)):
        raise TypeError(cell)
    return float(cell)


def _request(
    server: RoutingServer, rows: list[tuple[float, float]], columns: list[tuple[float, float]]
) -> urllib.request.Request:
    base = server.url.rstrip("/")
    if server.service == "osrm":
        points = ";".join(f"{x},{y}" for x, y in [*rows, *columns])
        sources = ";".join(str(number) for number in range(len(rows)))
        targets = ";".join(str(len(rows) + number) for number in range(len(columns)))
        query = f"sources={sources}&destinations={targets}&annotations=duration"
        return urllib.request.Request(f"{base}/table/v1/driving/{points}?{query}")  # noqa: S310 - http(s) was checked
    body = {
        "sources": [{"lon": x, "lat": y} for x, y in rows],
        "targets": [{"lon": x, "lat": y} for x, y in columns],
        "costing": "auto",
    }
    return urllib.request.Request(  # noqa: S310 - http(s) was checked
        f"{base}/sources_to_targets",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )


def _answer(server: RoutingServer, request: urllib.request.Request) -> dict[str, Any]:
    """Ask, and again after a pause when the server is busy or does not answer."""
    for attempt in range(1, server.attempts + 1):
        try:
            with urllib.request.urlopen(request, timeout=server.timeout_s) as response:  # noqa: S310 - http(s) was checked
                text = response.read(MAX_ANSWER_BYTES + 1)
        except urllib.error.HTTPError as fault:
            problem, again = f"answered {fault.code}", fault.code in RETRIED_STATUS
        except OSError as fault:  # refused, unreachable, timed out
            problem, again = f"did not answer ({fault})", True
        else:
            return _object(server, text)
        if not again or attempt == server.attempts:
            raise PlanningRefusedError(
                f"the routing server {server.url} {problem}, tried {attempt} times",
                remedy="check its address and that it runs, or leave it out for the embedded times",
            )
        time.sleep(server.pause_s * 2 ** (attempt - 1))
    raise _unusable(server, "never came")


def _object(server: RoutingServer, text: bytes) -> dict[str, Any]:
    if len(text) > MAX_ANSWER_BYTES:
        raise _unusable(server, f"is longer than {MAX_ANSWER_BYTES} bytes")
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise _unusable(server, "is not JSON") from fault
    if not isinstance(answer, dict):
        raise _unusable(server, "is not an object")
    return answer


def _unusable(server: RoutingServer, problem: str) -> PlanningRefusedError:
    return PlanningRefusedError(
        f"the answer of the routing server {server.url} {problem}",
        remedy=f"check that it is an {server.service} server with a table service",
    )


def _refused(name: str, problem: str) -> PlanningRefusedError:
    return PlanningRefusedError(
        f"{name} {problem}",
        remedy="give a Parquet file with from_ward, to_ward and seconds for every pair of wards",
    )
