"""Wards and boroughs in the store, one set a boundary file, for a GIS and for looking up."""

from __future__ import annotations

from typing import Any

from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Connection, select

from api.store.schema import areas
from hotspots.boundaries.study_area import StudyArea


def keep_areas(tx: Connection, study_area: StudyArea) -> None:
    """Store the areas of a study area, unless they are there already.

    Parameters
    ----------
    tx
        A transaction of :meth:`api.store.store.Store.write`.
    study_area
        EPSG:27700; known by the digest of its boundary file.
    """
    there = select(areas.c.code).where(areas.c.boundary_sha256 == study_area.sha256)
    if tx.execute(there.limit(1)).first() is not None:
        return
    rows: list[dict[str, Any]] = []
    for level, frame in (("ward", study_area.wards), ("borough", study_area.boroughs)):
        columns = (
            frame[name].tolist()
            for name in (f"{level}_code", f"{level}_name", "borough_code", "policed", "geometry")
        )
        for code, name, borough, policed, shape in zip(*columns, strict=True):
            rows.append(
                {
                    "boundary_sha256": study_area.sha256,
                    "code": code,
                    "level": level,
                    "name": name,
                    "borough_code": borough,
                    "policed": bool(policed),
                    "geom": _several(shape),
                }
            )
    tx.execute(areas.insert(), rows)


def _several(shape: BaseGeometry) -> BaseGeometry:
    return MultiPolygon([shape]) if isinstance(shape, Polygon) else shape
