"""Answers with a geometry as GeoDataFrames that carry their marking."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import geopandas as gpd


def features_frame(
    features: Iterable[Mapping[str, Any]], crs: str, marking: Mapping[str, str]
) -> gpd.GeoDataFrame:
    """Return GeoJSON features as a table, the marking in ``attrs["marking"]``.

    Parameters
    ----------
    features
        GeoJSON features; an ``id`` outside the properties becomes the column ``id``.
    crs
        System of their coordinates.
    marking
        Classification, run, policy version and freshness.
    """
    import geopandas as gpd  # noqa: PLC0415  (a script that needs no map starts without it)
    from shapely.geometry import shape  # noqa: PLC0415

    rows, shapes = [], []
    for one in features:
        own = {"id": one["id"]} if "id" in one else {}
        rows.append(own | dict(one["properties"]))
        shapes.append(shape(one["geometry"]) if one["geometry"] else None)
    frame = gpd.GeoDataFrame(rows, geometry=shapes, crs=crs)
    frame.attrs["marking"] = dict(marking)
    return frame


def parquet_frame(content: bytes) -> gpd.GeoDataFrame:
    """Return a GeoParquet file as a table."""
    import geopandas as gpd  # noqa: PLC0415  (as above)

    return gpd.read_parquet(io.BytesIO(content))
