"""The plan as GeoJSON: one feature a patrol area, in WGS 84 as RFC 7946 asks."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import shapely

from allocator.plan import PatrolPlan, UnitPlacement
from api.marking import marking_of
from hotspots.assessment import RiskAssessment

#: About 10 cm: enough for a patrol area, and the same text on every machine.
DECIMALS = 6


def plan_geojson(
    plan: PatrolPlan, assessment: RiskAssessment, boroughs: gpd.GeoDataFrame
) -> dict[str, Any]:
    """Return a FeatureCollection of the patrol areas with the marking as foreign members.

    Parameters
    ----------
    plan
        The plan to draw.
    assessment
        The assessment it was made from; its marking travels with the file.
    boroughs
        Borough polygons in EPSG:27700 with ``borough_code``.
    """
    shapes = boroughs.set_index("borough_code")["geometry"]
    areas = gpd.GeoSeries(
        [shapely.union_all(shapes.reindex(unit.boroughs).to_numpy()) for unit in plan.units],
        crs=boroughs.crs,
    ).to_crs(epsg=4326)
    names = {line.code: line.name for line in plan.boroughs}
    return {
        "type": "FeatureCollection",
        **marking_of(assessment, plan).document(),
        "week": plan.week,
        "attribution": list(assessment.attribution),
        "boundaries_approximate": assessment.boundary_approximate,
        "features": [
            {
                "type": "Feature",
                "id": unit.unit_id,
                "geometry": shapely.geometry.mapping(_rounded(area)),
                "properties": _properties(unit, names),
            }
            for unit, area in zip(plan.units, areas, strict=True)
        ],
    }


def _rounded(area: Any) -> Any:
    valid = shapely.set_precision(area, 10.0**-DECIMALS)
    return shapely.geometry.polygon.orient(valid) if valid.geom_type == "Polygon" else valid


def _properties(unit: UnitPlacement, names: dict[str, str]) -> dict[str, object]:
    return {
        "unit_id": unit.unit_id,
        "provenance": unit.provenance,
        "boroughs": list(unit.boroughs),
        "borough_names": [names.get(code, code) for code in unit.boroughs],
        "support": list(unit.support),
        "wards": len(unit.wards),
        "marginal_coverage": unit.marginal_coverage,
        "reason": unit.reason,
    }
