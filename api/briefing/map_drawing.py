"""The week's map as a vector drawing: ward risk, boroughs, patrol areas, units, scale, north.

Drawn in EPSG:27700, so that the scale bar holds everywhere and north is grid north. The
legend and the key of units are set as text beside the drawing by the template.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from allocator.plan import PatrolPlan
from api.briefing.map_labels import Label, label_svg, spread
from api.briefing.risk_classes import RiskClass, class_of
from hotspots.assessment import AreaScore, RiskAssessment
from hotspots.boundaries.study_area import StudyArea

#: The drawing fits into this frame on the page.
FRAME_MM = (196.0, 152.0)
#: Points nearer than this on paper are not worth drawing.
TOLERANCE_MM = 0.12
MARGIN_MM = 3.0
FONT = "Libertinus Serif"
INK, AREA_INK, BOROUGH_INK = "#1a1a1a", "#0b2545", "#5c6670"
NOT_SCORED = "#e3e6e8"
NO_DATA_INK = "#5b6f8c"


@dataclass(frozen=True)
class Sheet:
    """How metres on the ground become millimetres on paper; y grows downwards on paper."""

    west_m: float
    north_m: float
    mm_per_m: float
    width_mm: float
    height_mm: float

    def place(self, xy_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return paper positions in mm, shape (n, 2), of points in metres, shape (n, 2)."""
        offset = (xy_m - [self.west_m, self.north_m]) * [self.mm_per_m, -self.mm_per_m]
        return np.asarray(offset + MARGIN_MM, dtype=np.float64)


def draw_map(
    assessment: RiskAssessment,
    plan: PatrolPlan,
    study_area: StudyArea,
    classes: tuple[RiskClass, ...],
) -> tuple[str, Sheet]:
    """Return the map as SVG text and the sheet it is drawn on.

    Parameters
    ----------
    assessment, plan
        The week's scores and placement.
    study_area
        The boundaries the assessment was made on.
    classes
        Classes of ward risk, from :func:`api.briefing.risk_classes.risk_classes`.
    """
    sheet = _sheet(study_area)
    boroughs = dict(
        zip(study_area.boroughs["borough_code"], study_area.boroughs.geometry, strict=True)
    )
    areas = _patrol_areas(plan, boroughs)
    layers = [
        _wards(assessment, study_area, classes, sheet),
        _outlines(boroughs.values(), sheet, BOROUGH_INK, 0.22),
        _outlines(areas.values(), sheet, "#ffffff", 1.5),
        _outlines(areas.values(), sheet, AREA_INK, 0.75),
        _labels(plan, study_area, boroughs, sheet),
        _scale_bar(sheet),
        _north_arrow(sheet),
    ]
    size = f'{sheet.width_mm:.2f} {sheet.height_mm:.2f}"'
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{sheet.width_mm:.2f}mm" '
        f'height="{sheet.height_mm:.2f}mm" viewBox="0 0 {size} font-family="{FONT}">'
        '<defs><pattern id="unscored" width="1.6" height="1.6" patternUnits="userSpaceOnUse">'
        f'<rect width="1.6" height="1.6" fill="{NOT_SCORED}"/>'
        f'<path d="M0 1.6L1.6 0" stroke="{BOROUGH_INK}" stroke-width=".18"/></pattern>'
        '<pattern id="nodata" width="1.2" height="1.2" patternUnits="userSpaceOnUse">'
        '<rect width="1.2" height="1.2" fill="#ffffff"/>'
        f'<path d="M0 0L1.2 1.2" stroke="{NO_DATA_INK}" stroke-width=".22"/></pattern></defs>'
    )
    return head + "".join(layers) + "</svg>", sheet


def _sheet(study_area: StudyArea) -> Sheet:
    west_m, south_m, east_m, north_m = (float(edge) for edge in study_area.wards.total_bounds)
    wide_mm, high_mm = (side - 2 * MARGIN_MM for side in FRAME_MM)
    mm_per_m = min(wide_mm / (east_m - west_m), high_mm / (north_m - south_m))
    return Sheet(
        west_m=west_m,
        north_m=north_m,
        mm_per_m=mm_per_m,
        width_mm=(east_m - west_m) * mm_per_m + 2 * MARGIN_MM,
        height_mm=(north_m - south_m) * mm_per_m + 2 * MARGIN_MM,
    )


def _patrol_areas(
    plan: PatrolPlan, boroughs: Mapping[str, shapely.Geometry]
) -> dict[str, shapely.Geometry]:
    areas = {
        unit.unit_id: [boroughs[code] for code in unit.boroughs if code in boroughs]
        for unit in plan.units
    }
    return {unit: shapely.union_all(parts) for unit, parts in areas.items() if parts}


def _wards(
    assessment: RiskAssessment,
    study_area: StudyArea,
    classes: tuple[RiskClass, ...],
    sheet: Sheet,
) -> str:
    scores = {ward.code: ward for ward in assessment.wards}
    shapes = shapely.coverage_simplify(
        study_area.wards.geometry.to_numpy(), TOLERANCE_MM / sheet.mm_per_m
    )
    fills: dict[str, list[str]] = {}
    for code, shape in zip(study_area.wards["ward_code"], shapes, strict=True):
        fills.setdefault(_fill(scores.get(code), classes), []).append(_path(shape, sheet))
    paths = (f'<path fill="{fill}" d="{"".join(fills[fill])}"/>' for fill in sorted(fills))
    return f'<g stroke="#ffffff" stroke-width=".12" fill-rule="evenodd">{"".join(paths)}</g>'


def _fill(score: AreaScore | None, classes: tuple[RiskClass, ...]) -> str:
    """Return a ward's colour; a ward that no feed covers is hatched, never coloured as low."""
    if score is None:
        return "url(#unscored)"
    if score.coverage == "unknown":
        return "url(#nodata)"
    return class_of(classes, score.expected_per_week).colour


def _outlines(
    shapes: Iterable[shapely.Geometry], sheet: Sheet, colour: str, width_mm: float
) -> str:
    thin = shapely.simplify(np.array(list(shapes), dtype=object), TOLERANCE_MM / 2 / sheet.mm_per_m)
    line = "".join(_path(shape, sheet) for shape in thin)
    return (
        f'<path fill="none" stroke="{colour}" stroke-width="{width_mm}" '
        f'stroke-linejoin="round" d="{line}"/>'
    )


def _path(shape: shapely.Geometry, sheet: Sheet) -> str:
    rings = []
    for polygon in shapely.get_parts(shape):
        if polygon.geom_type != "Polygon":
            continue
        for ring in (polygon.exterior, *polygon.interiors):
            points = sheet.place(shapely.get_coordinates(ring)[:-1])
            rings.append("M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in points) + "Z")
    return "".join(rings)


def _labels(
    plan: PatrolPlan,
    study_area: StudyArea,
    boroughs: Mapping[str, shapely.Geometry],
    sheet: Sheet,
) -> str:
    """Return borough names, and each unit above the name of its roomiest borough."""
    policed = study_area.boroughs[study_area.boroughs["policed"]]
    rooms = {code: _room(boroughs[code]) for code in policed["borough_code"]}
    signs: dict[str, list[str]] = {}
    for unit in plan.units:
        inside = [code for code in unit.boroughs if code in rooms]
        if inside:
            roomiest = max(inside, key=lambda code: (rooms[code][1], code))
            signs.setdefault(roomiest, []).append(unit.unit_id)
    labels = []
    for code, name in zip(policed["borough_code"], policed["borough_name"], strict=True):
        x_mm, y_mm = sheet.place(rooms[code][0])[0]
        labels.append(
            Label(float(x_mm), float(y_mm), tuple(signs.get(code, [])), _name_lines(str(name)))
        )
    return "".join(label_svg(label) for label in spread(labels))


def _room(shape: shapely.Geometry) -> tuple[NDArray[np.float64], float]:
    """Return the centre, shape (1, 2), and radius in metres of the largest circle inside."""
    largest = max(shapely.get_parts(shape), key=lambda part: float(part.area))
    radius = shapely.maximum_inscribed_circle(largest, 100.0)
    return shapely.get_coordinates(radius)[:1], float(shapely.length(radius))


def _name_lines(name: str) -> tuple[str, ...]:
    """Return a borough name in at most two short lines."""
    first, joint, second = name.replace(" upon Thames", "").partition(" and ")
    return (f"{first} &", second) if joint else (first,)


def _scale_bar(sheet: Sheet) -> str:
    long_km = 10 if sheet.mm_per_m * 10_000 < sheet.width_mm / 3 else 2
    half_mm = long_km * 500 * sheet.mm_per_m
    x, y = MARGIN_MM, sheet.height_mm - MARGIN_MM - 4
    box = f'y="{y:.2f}" width="{half_mm:.2f}" height="1.4" stroke="{INK}" stroke-width=".2"'
    ticks = ((0.0, "0"), (half_mm, f"{long_km / 2:g}"), (2 * half_mm, f"{long_km} km"))
    labels = "".join(
        f'<text x="{x + offset:.2f}" y="{y + 4.6:.2f}" font-size="3" text-anchor="middle" '
        f'fill="{INK}">{label}</text>'
        for offset, label in ticks
    )
    return (
        f'<rect x="{x:.2f}" {box} fill="{INK}"/>'
        f'<rect x="{x + half_mm:.2f}" {box} fill="#ffffff"/>{labels}'
    )


def _north_arrow(sheet: Sheet) -> str:
    x, y = MARGIN_MM + 4, sheet.height_mm - MARGIN_MM - 22
    return (
        f'<path d="M{x:.2f} {y:.2f}l2.4 9l-2.4 -2l-2.4 2z" fill="{INK}"/>'
        f'<text x="{x:.2f}" y="{y + 13:.2f}" font-size="3.4" font-weight="bold" '
        f'text-anchor="middle" fill="{INK}">N</text>'
    )
