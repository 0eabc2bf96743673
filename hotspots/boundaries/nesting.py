"""Fit wards and boroughs together: every ward in one borough, every borough with a ward."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from hotspots.boundaries.schema import BOROUGH_COLUMNS, CRS, WARD_COLUMNS
from hotspots.errors import BoundaryRefusedError

#: A ward belongs to a borough that holds at least this share of its area.
MIN_SHARE_IN_BOROUGH = 0.5


def join_boroughs(
    wards: gpd.GeoDataFrame, boroughs: gpd.GeoDataFrame, ward_file: str
) -> gpd.GeoDataFrame:
    """Return the wards with the code and name of their borough, checked by area.

    Parameters
    ----------
    wards
        ``ward_code, ward_name, geometry`` and perhaps ``borough_code``.
    boroughs
        ``borough_code, borough_name, geometry``.
    ward_file
        Name for messages.

    Raises
    ------
    BoundaryRefusedError
        When a ward lies outside every borough or in another than it says, or names a borough
        that is not there, or a borough holds no ward.
    """
    codes = boroughs["borough_code"].to_numpy(dtype=str)
    holder, share = _main_borough(wards, boroughs)
    _refuse_homeless(wards, codes, holder, share, ward_file)
    if "borough_code" in wards:
        _refuse_misplaced(wards, codes, holder, ward_file)
    empty = np.setdiff1d(codes, codes[holder])
    if len(empty):
        raise BoundaryRefusedError(
            f"{len(empty)} boroughs hold no ward",
            file=ward_file,
            value=str(empty[0]),
            remedy="give the wards of every borough, or remove the borough from its file",
        )
    names = boroughs["borough_name"].to_numpy(dtype=str)
    return wards.assign(borough_code=codes[holder], borough_name=names[holder])


def _main_borough(
    wards: gpd.GeoDataFrame, boroughs: gpd.GeoDataFrame
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    polygons, holders = wards.geometry.to_numpy(), boroughs.geometry.to_numpy()
    ward, borough = shapely.STRtree(holders).query(polygons, predicate="intersects")
    held = shapely.area(shapely.intersection(polygons[ward], holders[borough]))
    table = np.zeros((len(wards), len(boroughs)))
    table[ward, borough] = held / shapely.area(polygons)[ward]
    return table.argmax(axis=1), table.max(axis=1)


def _refuse_homeless(
    wards: gpd.GeoDataFrame,
    codes: NDArray[np.str_],
    holder: NDArray[np.int64],
    share: NDArray[np.float64],
    file: str,
) -> None:
    homeless = np.flatnonzero(share < MIN_SHARE_IN_BOROUGH)
    if len(homeless):
        ward = wards.iloc[homeless[0]]
        best = codes[holder[homeless[0]]]
        where = f"at most {share[homeless[0]]:.0%} of it lies in one, {best}"
        raise BoundaryRefusedError(
            f"{len(homeless)} of {len(wards)} wards lie outside every borough, the first "
            f"{ward['ward_name']} ({where if share[homeless[0]] > 0 else 'it touches none'})",
            file=file,
            column="ward_code",
            value=ward["ward_code"],
            remedy="give wards and boroughs of the same area, vintage and coordinate system",
        )


def _refuse_misplaced(
    wards: gpd.GeoDataFrame, codes: NDArray[np.str_], holder: NDArray[np.int64], file: str
) -> None:
    said = wards["borough_code"].to_numpy(dtype=str)
    wrong = np.flatnonzero(said != codes[holder])
    if len(wrong):
        ward = wards.iloc[wrong[0]]
        known = "" if said[wrong[0]] in codes else ", which is not in the file of boroughs,"
        raise BoundaryRefusedError(
            f"the ward {ward['ward_code']} names the borough {said[wrong[0]]}{known} but lies in "
            f"{codes[holder[wrong[0]]]}",
            file=file,
            column="borough_code",
            value=said[wrong[0]],
            remedy="correct the ward's borough code, or give the matching file of boroughs",
        )


def dissolve_boroughs(wards: gpd.GeoDataFrame, file: str) -> gpd.GeoDataFrame:
    """Return the boroughs as unions of their wards, sorted by code.

    Raises
    ------
    BoundaryRefusedError
        When the wards carry no borough code, or one code has two names.
    """
    if "borough_code" not in wards:
        raise BoundaryRefusedError(
            "the wards do not say in which borough they lie",
            file=file,
            column="borough_code",
            remedy="add a column of borough codes (borough_code or LAD25CD), or give a file of "
            "boroughs as well",
        )
    names = wards.groupby("borough_code")["borough_name"].unique()
    clash = names[names.map(len) > 1]
    if len(clash):
        raise BoundaryRefusedError(
            f"the borough has two names: {', '.join(clash.iloc[0])}",
            file=file,
            column="borough_name",
            value=clash.index[0],
            remedy="give each borough code one name",
        )
    unions = wards.groupby("borough_code")["geometry"].agg(
        lambda parts: shapely.normalize(shapely.union_all(parts.to_numpy()))
    )
    frame = pd.DataFrame({"borough_code": names.index, "borough_name": names.str[0].to_numpy()})
    return gpd.GeoDataFrame(frame, geometry=unions.to_numpy(), crs=CRS)


def with_policing(frame: gpd.GeoDataFrame, unpoliced_boroughs: frozenset[str]) -> gpd.GeoDataFrame:
    """Return the frame with ``policed`` and its columns in the order of the study area."""
    policed = ~frame["borough_code"].isin(unpoliced_boroughs)
    columns = WARD_COLUMNS if "ward_code" in frame else BOROUGH_COLUMNS
    return frame.assign(policed=policed.to_numpy(dtype=bool))[list(columns)]
