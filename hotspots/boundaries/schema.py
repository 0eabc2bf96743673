"""The value the room gives out, and its constants. Everything is in EPSG:27700, metres."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import pandas as pd

CRS = "EPSG:27700"
#: The City of London has its own police force: shown, not scored, not patrolled.
UNPOLICED_BOROUGHS = frozenset({"E09000001"})
WARD_COLUMNS = ("ward_code", "ward_name", "borough_code", "borough_name", "policed", "geometry")
BOROUGH_COLUMNS = ("borough_code", "borough_name", "policed", "geometry")
BOROUGH_LINK_COLUMNS = ("code_a", "code_b", "kind", "crossing", "open_to_motor_vehicles")
WARD_LINK_COLUMNS = ("code_a", "code_b", "kind", "distance_m")


@dataclass(frozen=True, eq=False)
class StudyArea:
    """The places a risk picture speaks about, in EPSG:27700; two are equal when they are one.

    What is derived from its geometry alone is kept and used again with the same area.

    Attributes
    ----------
    name
        What the boundaries are, in words a reader of a map understands.
    approximate
        True when the polygons are not the official ones; say so wherever they are shown.
    sha256
        Digest of the names and contents of every file the area was read from.
    attribution
        Lines that must stand on every map or paper drawn from the polygons.
    wards
        One row a ward, sorted by ``ward_code``: ``ward_code, ward_name, borough_code,
        borough_name, policed, geometry``.
    boroughs
        One row a borough, sorted by ``borough_code``: ``borough_code, borough_name,
        policed, geometry``.
    borough_links
        ``code_a < code_b, kind`` (land or river), ``crossing, open_to_motor_vehicles``.
    ward_links
        Pairs of wards a vehicle can drive between directly: ``code_a < code_b, kind``
        (land or river), ``distance_m`` between centres, by way of the crossing for a river.
    """

    name: str
    approximate: bool
    sha256: str
    attribution: tuple[str, ...]
    wards: gpd.GeoDataFrame
    boroughs: gpd.GeoDataFrame
    borough_links: pd.DataFrame
    ward_links: pd.DataFrame
