"""Write polygons as GeoJSON whose bytes depend on nothing but the polygons."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

#: Every coordinate is written to this grid, in metres.
GRID_M = 0.1


def on_grid(polygons: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return polygons, shape (n,), with vertices on the grid of this module, still valid.

    Rounding each coordinate by itself could make a narrow polygon cross itself.
    """
    snapped = shapely.set_precision(polygons, GRID_M)
    # Through WKB and back: otherwise GEOS goes on rounding, centroids included, to the grid.
    return np.asarray(shapely.from_wkb(shapely.to_wkb(shapely.normalize(snapped))), dtype=object)


def write_geojson(frame: gpd.GeoDataFrame, path: Path) -> None:
    """Write one feature a line, coordinates to 0.1 m, the EPSG code declared.

    RFC 7946 knows degrees only; the ``crs`` member is that of GeoJSON 2008, which GDAL, QGIS
    and this product read.

    Parameters
    ----------
    frame
        Polygons on the grid (:func:`on_grid`) in a projected system with an EPSG code; every
        other column becomes a property and must hold JSON types.
    path
        File to write; it is overwritten.
    """
    fields = [name for name in frame.columns if name != "geometry"]
    lines = []
    for row in frame.to_dict("records"):
        shape = json.loads(shapely.to_geojson(row["geometry"]))
        shape["coordinates"] = _on_grid(shape["coordinates"])
        properties = {name: row[name] for name in fields}
        feature = {"type": "Feature", "properties": properties, "geometry": shape}
        lines.append(json.dumps(feature, ensure_ascii=False, separators=(",", ":")))
    code = f"urn:ogc:def:crs:EPSG::{frame.crs.to_epsg()}"
    crs = json.dumps({"type": "name", "properties": {"name": code}}, separators=(",", ":"))
    head = f'{{"type":"FeatureCollection","name":"{path.stem}","crs":{crs},"features":[\n'
    path.write_text(head + ",\n".join(lines) + "\n]}\n", encoding="utf-8", newline="\n")


def _on_grid(coordinates: Any) -> Any:
    if isinstance(coordinates, list):
        return [_on_grid(part) for part in coordinates]
    rounded = round(coordinates, 1)
    return int(rounded) if rounded == int(rounded) else rounded
