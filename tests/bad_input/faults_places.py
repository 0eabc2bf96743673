"""Faults of boundary files: study areas of a forecast, and wards."""

from __future__ import annotations

from tests.bad_input import good_files as good
from tests.bad_input.corpus import (
    DEEP,
    GIGABYTE,
    Fault,
    comb,
    fault,
    geopackage_with,
    large_circle,
    pipe,
    polygons,
    sparse,
    square,
    virtual_dataset,
)

RECURSIVE = (
    "CREATE VIEW endless AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) "
    "SELECT i FROM n"
)


BOUNDARIES = (
    fault("boundary", "empty", "city.geojson", "", "empty"),
    fault("boundary", "deep", "city.geojson", b'{"a":' + DEEP + b"}", "Remedy"),
    fault("boundary", "no geometry", "city.geojson", polygons(None), "polygon"),
    fault(
        "boundary",
        "NaN",
        "city.geojson",
        polygons([[530000, 180000], [float("nan"), 180000], [531000, 181000], [530000, 180000]]),
        "Remedy",
    ),
    fault(
        "boundary",
        "crosses itself",
        "city.geojson",
        polygons(
            [
                [530000, 180000],
                [531000, 181000],
                [531000, 180000],
                [530000, 181000],
                [530000, 180000],
            ]
        ),
        "valid",
    ),
    fault(
        "boundary",
        "too many vertices",
        "city.gpkg",
        lambda: large_circle(2_000_100, good.city()),
        "2,000,1",
        "vertices",
    ),
    fault(
        "boundary",
        "thousands of crossings",
        "city.geojson",
        lambda: polygons(comb(20_000)),
        "valid",
    ),
    fault("boundary", "another file's name", "city.geojson", virtual_dataset(), "geometry file"),
    fault(
        "boundary",
        "a command line",
        "city.geojson",
        b'{"type":"gdal_streamed_alg","command_line":"gdal vector pipeline ! read /etc/x"}',
        "Remedy",
    ),
    fault(
        "boundary", "unknown system", "city.geojson", polygons(square(1, 1), crs="EPSG:0"), "Remedy"
    ),
    fault(
        "boundary",
        "GeoPackage cut short",
        "city.gpkg",
        good.vector_bytes(good.city(), ".gpkg")[:9_000],
        "Remedy",
    ),
    Fault("a pipe", "boundary", pipe("city.geojson"), ("no regular file",)),
    Fault("one gigabyte of zeros", "boundary", sparse("city.gpkg", GIGABYTE), ("bound",)),
)
WARDS = (
    fault(
        "wards",
        "degrees",
        "wards.geojson",
        polygons(square(0, 51, 0.01), crs="EPSG:4326"),
        "degrees",
    ),
    fault("wards", "no polygon", "wards.geojson", polygons(None), "row 1", "empty"),
    fault(
        "wards",
        "swapped",
        "wards.geojson",
        polygons(square(180_000, 1_530_000)),
        "row 1",
        "outside Great Britain",
    ),
    fault(
        "wards",
        "duplicate code",
        "wards.geojson",
        polygons(square(530_000, 180_000), square(532_000, 180_000), ward_code="E05000001"),
        "row 2",
        "repeated",
    ),
    fault(
        "wards",
        "blank code",
        "wards.geojson",
        polygons(square(530_000, 180_000), ward_code=""),
        "row 1",
        "blank",
    ),
    fault(
        "wards",
        "overlapping",
        "wards.geojson",
        polygons(square(530_000, 180_000), square(530_100, 180_000)),
        "overlap",
    ),
    fault(
        "wards",
        "too many vertices",
        "wards.gpkg",
        lambda: large_circle(2_000_100, good.toy_wards()),
        "2,000,1",
        "vertices",
    ),
    fault("wards", "another file's name", "wards.geojson", virtual_dataset(), "geometry file"),
    fault("wards", "CSV", "wards.csv", "a,b\n1,2\n", ".csv"),
    Fault("an endless view", "wards", geopackage_with(RECURSIVE), ("view endless",)),
    Fault(
        "a computed column",
        "wards",
        geopackage_with("CREATE TABLE t (a, b AS (zeroblob(900000000)))"),
        ("computed column",),
    ),
    Fault("a pipe", "wards", pipe("wards.geojson"), ("Remedy",)),
)
