"""Patrol areas as GeoPackage, GeoParquet, GPX and CSV, each with its marking inside."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.etree import ElementTree

import geopandas as gpd
import pandas as pd
import pyarrow.parquet as pq
import pyogrio
import shapely

from allocator.plan import PatrolPlan
from api.files.tables import csv_text
from api.marking import Marking, marking_of
from api.plans.patrol_areas import unit_properties, unit_shape
from hotspots.assessment import RiskAssessment

LAYER = "patrol_areas"
_GPX = "http://www.topografix.com/GPX/1/1"
#: GeoPackage notes when it was written; the same plan is to give the same file.
_WRITTEN = "2000-01-01T00:00:00.000Z"
_NO_DATE: dict[str, str | None] = {"OGR_CURRENT_DATE": None}
#: GDAL's options are those of the whole process.
_GDAL = threading.Lock()


def area_frame(
    plan: PatrolPlan,
    assessment: RiskAssessment,
    boroughs: gpd.GeoDataFrame,
    state: str,
    *,
    in_force_for: str = "",
) -> gpd.GeoDataFrame:
    """Return one row a unit: what is said of its area, how it is marked, and its polygon.

    Parameters
    ----------
    plan, assessment
        The plan, and the assessment it was made from.
    boroughs
        Borough polygons in EPSG:27700 with ``borough_code``.
    state
        Where the plan stands in the record; a plan nobody approved must say so.
    in_force_for
        ISO week in which it is in force again by falling back; empty for the week it was made for.
    """
    said = {"in_force_for": in_force_for, **marking_of(assessment, plan).document()}
    rows = [{**unit_properties(unit, plan), "state": state, **said} for unit in plan.units]
    shapes = [unit_shape(unit, boroughs) for unit in plan.units]
    several = [one if one.geom_type == "MultiPolygon" else shapely.multipolygons([one])
               for one in shapes]  # fmt: skip
    return gpd.GeoDataFrame(pd.DataFrame(rows), geometry=several, crs=boroughs.crs)


def geopackage(areas: gpd.GeoDataFrame, marking: Marking) -> bytes:
    """Return a GeoPackage with one layer; the marking is its metadata and in every row."""
    said = _said(marking)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "areas.gpkg"
        with _GDAL:
            pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _WRITTEN})
            try:
                pyogrio.write_dataframe(
                    areas, path, layer=LAYER, driver="GPKG", dataset_metadata=said,
                    layer_metadata=said,
                )  # fmt: skip
            finally:
                pyogrio.set_gdal_config_options(_NO_DATE)
        return path.read_bytes()


def geoparquet(areas: gpd.GeoDataFrame, marking: Marking) -> bytes:
    """Return a GeoParquet file; the marking is key-value metadata and in every row."""
    plain, marked = io.BytesIO(), io.BytesIO()
    areas.to_parquet(plain, index=False)
    plain.seek(0)
    table = pq.read_table(plain)
    metadata = {**(table.schema.metadata or {}), **marking.metadata()}
    pq.write_table(table.replace_schema_metadata(metadata), marked, compression="zstd")
    return marked.getvalue()


def gpx(areas: gpd.GeoDataFrame, marking: Marking) -> bytes:
    """Return a GPX 1.1 file: one track a unit, one segment a ring, in WGS 84."""
    root = ElementTree.Element("gpx", {"xmlns": _GPX, "version": "1.1", "creator": "arv-tasking"})
    head = ElementTree.SubElement(root, "metadata")
    _text(head, "name", " ".join(one for one in (marking.classification, marking.notice) if one))
    _text(head, "desc", marking.run_line())
    placed = areas.to_crs(epsg=4326)
    for unit, place in zip(areas.itertuples(index=False), placed.geometry, strict=True):
        track = ElementTree.SubElement(root, "trk")
        _text(track, "name", unit.unit_id)
        _text(track, "cmt", f"{unit.classification} {unit.notice}".strip())
        _text(track, "desc", f"{_weeks(unit)}, {unit.state}: {unit.borough_names}")
        for part in shapely.get_parts(place):
            for ring in (part.exterior, *part.interiors):
                _segment(track, ring)
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def csv(areas: gpd.GeoDataFrame, _marking: Marking) -> bytes:
    """Return a CSV table without polygons; the marking is in every row, no cell is a formula."""
    return csv_text(pd.DataFrame(areas.drop(columns="geometry"))).encode("utf-8")


#: How each suffix is written, and its media type.
FORMS: Mapping[str, tuple[Callable[[gpd.GeoDataFrame, Marking], bytes], str]] = {
    "gpkg": (geopackage, "application/geopackage+sqlite3"),
    "parquet": (geoparquet, "application/vnd.apache.parquet"),
    "gpx": (gpx, "application/gpx+xml"),
    "csv": (csv, "text/csv; charset=utf-8"),
}


def _weeks(unit: Any) -> str:
    if not unit.in_force_for:
        return str(unit.week)
    return f"in force for {unit.in_force_for}, made for {unit.week}"


def _segment(track: ElementTree.Element, ring: shapely.LinearRing) -> None:
    segment = ElementTree.SubElement(track, "trkseg")
    for x, y in shapely.get_coordinates(ring):
        ElementTree.SubElement(segment, "trkpt", {"lat": f"{y:.6f}", "lon": f"{x:.6f}"})


def _text(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, name).text = "".join(one for one in text if one.isprintable())


def _said(marking: Marking) -> dict[str, str]:
    return {f"arv.{name}": value for name, value in asdict(marking).items() if value}
