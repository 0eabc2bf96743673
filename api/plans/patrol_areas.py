"""A unit's patrol area as one shape and one row of plain values, for every form of a plan."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import shapely

from allocator.plan import PatrolPlan, UnitPlacement


def unit_shape(unit: UnitPlacement, boroughs: gpd.GeoDataFrame) -> Any:
    """Return the polygon (or polygons) of a unit's primary area.

    Parameters
    ----------
    unit
        The unit.
    boroughs
        Borough polygons with ``borough_code``; the result is in their system.
    """
    mine = boroughs["borough_code"].isin(unit.boroughs)
    return shapely.union_all(boroughs.geometry[mine].to_numpy())


def unit_properties(unit: UnitPlacement, plan: PatrolPlan) -> dict[str, Any]:
    """Return what is said of a unit's area in plain values, codes separated by spaces."""
    names = {line.code: line.name for line in plan.boroughs}
    return {
        "week": plan.week,
        "unit_id": unit.unit_id,
        "provenance": unit.provenance,
        "boroughs": " ".join(unit.boroughs),
        "borough_names": ", ".join(names.get(code, code) for code in unit.boroughs),
        "support": " ".join(unit.support),
        "wards": len(unit.wards),
        "marginal_coverage": unit.marginal_coverage,
        "reason": unit.reason,
    }
