"""The download of official boundaries, against a local server that answers as the real one."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import geopandas as gpd
import pytest
import shapely

from hotspots.boundaries.describe import describe, describe_study_area
from hotspots.boundaries.fetch import (
    BoundaryFetchError,
    OfficialSource,
    Transfer,
    fetch_boundaries,
)
from hotspots.boundaries.study_area import load_bundled, load_study_area
from hotspots.errors import BoundaryRefusedError

WARDS = "/rest/Wards_December_2024_Boundaries_UK_BGC/FeatureServer/0"
BOROUGHS = "/rest/Local_Authority_Districts_May_2024_Boundaries_UK_BGC/FeatureServer/0"
PATIENCE = Transfer(timeout_s=5.0, attempts=3, pause_s=0.01, page_size=2)


def ring(shape: shapely.Polygon) -> list[list[float]]:
    """Return the outer ring clockwise, as Esri JSON has it."""
    return [
        list(point) for point in shapely.orient_polygons(shape, exterior_cw=True).exterior.coords
    ]


def box(column: int, row: int) -> shapely.Polygon:
    x_m, y_m = 520_000 + 1000 * column, 185_000 + 1000 * row
    return shapely.box(x_m, y_m, x_m + 1000, y_m + 1000)


def recorded_layers() -> dict[str, list[dict[str, Any]]]:
    """Return two layers: Brent and Camden with three wards each, and one ward of a county."""
    wards = [(f"E0500000{3 * c + r + 1}", box(c, r)) for c in range(2) for r in range(3)]
    wards.append(("E05999999", box(2, 1)))
    boroughs = [
        (code, name, shapely.union_all([box(column, row) for row in range(3)]))
        for column, (code, name) in enumerate([("E09000005", "Brent"), ("E09000007", "Camden")])
    ]
    return {
        WARDS: [
            {
                "attributes": {
                    "OBJECTID": n,
                    "WD24CD": code,
                    "WD24NM": f"Ward é {n}",
                    "WD24NMW": " ",
                },
                "geometry": {"rings": [ring(shape)]},
            }
            for n, (code, shape) in enumerate(wards, start=1)
        ],
        BOROUGHS: [
            {
                "attributes": {"OBJECTID": n, "LAD24CD": code, "LAD24NM": name},
                "geometry": {"rings": [ring(shape)]},
            }
            for n, (code, name, shape) in enumerate(boroughs, start=1)
        ],
    }


class Service:
    """A feature service on 127.0.0.1; ``faults`` are used up one a request."""

    def __init__(self) -> None:
        self.layers = recorded_layers()
        self.faults: list[str] = []
        self.asked: list[dict[str, str]] = []
        self.always: str | None = None
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                service.answer(self)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
                del format, args

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def source(self, **changes: Any) -> OfficialSource:
        given = {
            "wards_url": self.root + WARDS,
            "boroughs_url": self.root + BOROUGHS,
            "transfer": PATIENCE,
        }
        return OfficialSource(**(given | changes))

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        self.asked.append({"path": parts.path} | query)
        fault = self.faults.pop(0) if self.faults else self.always
        body = json.dumps(self.content(parts.path, query)).encode()
        status, announced = 200, len(body)
        if fault == "silence":
            time.sleep(1.0)
        elif fault == "cut":
            body = body[: len(body) // 2]
            announced = len(body)
        elif fault == "broken":
            body = body[: len(body) // 2]
        elif fault == "refused":
            body = b'{"error": {"code": 400, "message": "Invalid URL"}}'
            announced = len(body)
        elif fault == "list":
            body, announced = b"[]", 2
        elif fault is not None:
            status = int(fault)
        try:
            handler.send_response(status)
            handler.send_header("Content-Length", str(announced))
            handler.end_headers()
            handler.wfile.write(body)
        except OSError:
            pass  # the client gave up waiting: that is the test

    def content(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        if not path.endswith("/query"):
            return {"objectIdField": "OBJECTID", "maxRecordCount": 2}
        features = self.layers[path.removesuffix("/query")]
        if "returnCountOnly" in query:
            return {"count": len(features)}
        start, size = int(query["resultOffset"]), int(query["resultRecordCount"])
        return {
            "geometryType": "esriGeometryPolygon",
            "spatialReference": {"wkid": int(query["outSR"])},
            "fields": [
                {"name": key, "type": "esriFieldTypeString"}
                for key in features[0]["attributes"]
                if key != "OBJECTID"
            ],
            "features": features[start : start + size],
            "exceededTransferLimit": start + size < len(features),
        }


@pytest.fixture
def service() -> Iterator[Service]:
    running = Service()
    yield running
    running.server.shutdown()
    running.server.server_close()
    running.thread.join(timeout=5)


def quiet(_: str, __: float) -> None:
    """Ignore progress."""


def test_pages_are_joined_neighbours_left_out_and_the_result_is_a_study_area(
    service: Service, tmp_path: Path
) -> None:
    told: list[tuple[str, float]] = []
    out = tmp_path / "deep" / "official"
    area = fetch_boundaries(
        out, source=service.source(), progress=lambda text, share: told.append((text, share))
    )
    assert area.wards["ward_code"].tolist() == [f"E0500000{n}" for n in range(1, 7)]
    assert area.wards["ward_name"].iloc[0] == "Ward é 1"
    assert area.wards["borough_name"].tolist() == ["Brent"] * 3 + ["Camden"] * 3
    assert not area.approximate
    assert area.wards.crs.to_epsg() == 27700
    assert area.attribution[-1] == "Contains OS data © Crown copyright and database right 2024."
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    pages = [asked for asked in service.asked if "resultOffset" in asked]
    assert [asked["resultOffset"] for asked in pages] == ["0", "0", "2", "4", "6"]
    assert all(asked["orderByFields"] == "OBJECTID" for asked in pages)
    assert pages[0]["where"] == "LAD24CD LIKE 'E09%'"
    assert pages[1]["geometry"] == "520000.0,185000.0,522000.0,188000.0"
    assert sorted(path.name for path in out.iterdir()) == [
        "attribution.txt",
        "boroughs.geojson",
        "wards.geojson",
    ]
    again = load_study_area(out / "wards.geojson", out / "boroughs.geojson", name=area.name)
    assert again.sha256 == area.sha256
    assert [path.name for path in out.parent.iterdir()] == ["official"]


def test_the_same_answers_give_the_same_bytes(service: Service, tmp_path: Path) -> None:
    for name in ("one", "two"):
        fetch_boundaries(tmp_path / name, source=service.source(), progress=quiet)
    for name in ("wards.geojson", "boroughs.geojson", "attribution.txt"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_another_system_is_converted(service: Service, tmp_path: Path) -> None:
    for features in service.layers.values():
        for feature in features:
            shape = shapely.Polygon(feature["geometry"]["rings"][0])
            web = gpd.GeoSeries([shape], crs="EPSG:27700").to_crs("EPSG:3857").iloc[0]
            feature["geometry"]["rings"] = [ring(web)]
    original = service.content

    def in_web_mercator(path: str, query: dict[str, str]) -> dict[str, Any]:
        answer = original(path, query)
        if "spatialReference" in answer:
            answer["spatialReference"] = {"wkid": 3857}
        return answer

    service.content = in_web_mercator  # type: ignore[method-assign]  # a server that ignores outSR
    area = fetch_boundaries(tmp_path / "out", source=service.source(), progress=quiet)
    assert area.wards.geometry.area.to_numpy() == pytest.approx([1e6] * 6, rel=1e-3)
    assert area.wards.total_bounds == pytest.approx([520_000, 185_000, 522_000, 188_000], abs=0.2)


@pytest.mark.parametrize("faults", [["503"], ["500", "429"], ["silence"], ["502", "silence"]])
def test_passing_faults_are_tried_again(
    service: Service, tmp_path: Path, faults: list[str]
) -> None:
    service.faults = list(faults)
    timeout_s = 1.5 if "silence" in faults else 60.0
    source = service.source(transfer=Transfer(timeout_s=timeout_s, pause_s=0.01, page_size=10))
    area = fetch_boundaries(tmp_path / "out", source=source, progress=quiet)
    assert len(area.wards) == 6
    assert service.faults == []


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("404", "answered 404"),
        ("503", "answered 503 Service Unavailable (attempt 3 of 3)"),
        ("silence", "silent for 0.2 s (attempt 3 of 3)"),
        ("cut", "not whole JSON"),
        ("broken", "not whole JSON"),
        ("refused", "Invalid URL"),
        ("list", "no JSON object"),
    ],
)
def test_lasting_faults_are_named_and_leave_nothing_behind(
    service: Service, tmp_path: Path, fault: str, words: str
) -> None:
    service.always = fault
    timeout_s = 0.2 if fault == "silence" else 60.0
    source = service.source(transfer=Transfer(timeout_s=timeout_s, pause_s=0.01))
    with pytest.raises(BoundaryFetchError) as refusal:
        fetch_boundaries(tmp_path / "out", source=source, progress=quiet)
    assert words in refusal.value.problem
    assert str(refusal.value.file).startswith(service.root)
    assert list(tmp_path.iterdir()) == []


def test_a_fault_in_a_late_page_leaves_the_old_folder_alone(
    service: Service, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    fetch_boundaries(out, source=service.source(), progress=quiet)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    requests = len(service.asked)
    service.layers[WARDS][5]["geometry"]["rings"] = "nonsense"
    with pytest.raises(BoundaryFetchError, match="E05000006"):
        fetch_boundaries(out, source=service.source(), progress=quiet, replace=True)
    assert len(service.asked) > requests
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_existing_folder_is_replaced_only_when_asked(service: Service, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("keep")
    with pytest.raises(BoundaryRefusedError, match="exists already"):
        fetch_boundaries(out, source=service.source(), progress=quiet)
    assert (out / "mine.txt").read_text() == "keep"
    assert service.asked == []
    fetch_boundaries(out, source=service.source(), progress=quiet, replace=True)
    assert not (out / "mine.txt").exists()


def test_what_comes_is_checked_like_any_other_file(service: Service, tmp_path: Path) -> None:
    service.layers[WARDS][1]["attributes"]["WD24CD"] = "E05000001"
    with pytest.raises(BoundaryRefusedError, match="repeated"):
        fetch_boundaries(tmp_path / "out", source=service.source(), progress=quiet)
    assert list(tmp_path.iterdir()) == []


def test_fewer_features_than_announced_are_refused(service: Service, tmp_path: Path) -> None:
    original = service.content

    def forgetful(path: str, query: dict[str, str]) -> dict[str, Any]:
        answer = original(path, query)
        answer["exceededTransferLimit"] = False
        return answer

    service.content = forgetful  # type: ignore[method-assign]  # a server that drops pages
    with pytest.raises(BoundaryFetchError, match="announced 7 features and sent 2"):
        fetch_boundaries(tmp_path / "out", source=service.source(), progress=quiet)


def test_a_service_that_never_ends_is_left(service: Service, tmp_path: Path) -> None:
    original = service.content

    def endless(path: str, query: dict[str, str]) -> dict[str, Any]:
        return original(path, query | {"resultOffset": "0"}) | {"exceededTransferLimit": True}

    service.content = endless  # type: ignore[method-assign]  # a server that repeats its page
    source = service.source(transfer=Transfer(page_size=2, pause_s=0.01))
    with pytest.raises(BoundaryFetchError, match=r"announced 2 features and sent more"):
        fetch_boundaries(tmp_path / "out", source=source, progress=quiet)


def test_without_a_connection_the_message_says_so(tmp_path: Path) -> None:
    gone = Service()
    source = gone.source(transfer=Transfer(timeout_s=30.0, attempts=2, pause_s=0.01))
    gone.server.shutdown()
    gone.server.server_close()
    with pytest.raises(BoundaryFetchError, match="no connection") as refusal:
        fetch_boundaries(tmp_path / "out", source=source, progress=quiet)
    assert "by hand" in refusal.value.remedy


def test_addresses_that_are_no_web_addresses_or_name_no_year_are_refused(tmp_path: Path) -> None:
    local = OfficialSource(boroughs_url="file:///etc/LAD_2024/0", transfer=PATIENCE)
    with pytest.raises(BoundaryFetchError, match="not one of the web"):
        fetch_boundaries(tmp_path / "out", source=local, progress=quiet)
    undated = OfficialSource(boroughs_url="https://localhost/Boroughs/0", transfer=PATIENCE)
    with pytest.raises(BoundaryRefusedError, match="names no year"):
        fetch_boundaries(tmp_path / "out", source=undated, progress=quiet)


def test_the_description_counts_what_the_area_holds() -> None:
    london = load_bundled()
    whole = describe_study_area(london)
    assert (whole.wards, whole.wards_policed) == (704, 679)
    assert (whole.boroughs, whole.boroughs_policed) == (33, 32)
    assert whole.ward_links_by_river == 20
    assert whole.area_km2 == pytest.approx(1573.9, abs=0.1)
    rows = describe(london)
    assert whole.rows == rows
    assert sum(row.wards for row in rows) == 704
    assert sum(row.area_km2 for row in rows) == pytest.approx(whole.area_km2, abs=0.2)
    assert [row.code for row in rows if not row.policed] == ["E09000001"]
    assert all(row.approximate for row in rows)
    hackney = next(row for row in rows if row.name == "Hackney")
    assert hackney.wards == 21
    assert "E09000031" in hackney.neighbours
