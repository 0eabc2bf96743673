"""The week's map: one HTML file that opens from disk and says in tables all that it draws.

It asks the network for nothing. The page is a :class:`folium.Map` in the British National
Grid: Leaflet's plane system takes EPSG:27700 metres as they are, so the scale bar is true and
cells stay square. folium passes what its macros produce through a second round of templating;
text from outside therefore never goes through it, but through :class:`_Verbatim` and the data
block.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import folium
import numpy as np
import pandas as pd
from branca.element import Element, Figure
from folium.template import Template
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from allocator.plan import PatrolPlan
from api import wording
from api.maps import assets
from api.maps.escaping import data_block, safe_text
from api.maps.outlines import simplify
from api.maps.page_data import (
    Place,
    area_features,
    borough_features,
    borough_places,
    patrol_areas,
    ward_features,
    ward_places,
)
from api.maps.pattern_data import pattern_features, patterns
from api.maps.risk_grid import RiskGrid, draw_grid
from api.marking import marking_of
from api.plans.verdict_view import COLUMNS, VerdictView
from hotspots.assessment import RiskAssessment
from hotspots.boundaries.study_area import StudyArea, locate_wards
from hotspots.errors import AssessmentRefusedError

_POLICY_MARK = "<!--content-security-policy-->"


def render(
    assessment: RiskAssessment,
    plan: PatrolPlan | None,
    study_area: StudyArea,
    cells: pd.DataFrame,
    *,
    cell_size_m: float = 250,
    verdict: VerdictView | None = None,
) -> str:
    """Return the week's map as one self-contained HTML page.

    Parameters
    ----------
    assessment
        The published risk picture.
    plan
        The plan made for it, or None to show the risk picture alone.
    study_area
        The boundaries both were made with.
    cells
        One row a grid cell: centre ``x_m``, ``y_m`` (EPSG:27700) and ``expected_per_week``.
    cell_size_m
        Side of a cell in metres.
    verdict
        What simulated weeks say of the plan, where it was judged.

    Returns
    -------
    str
        HTML; the same input gives the same text.

    Raises
    ------
    AssessmentRefusedError
        When plan, assessment, boundaries and cells do not belong together.
    """
    _refuse_mismatch(assessment, plan, study_area)
    wards = ward_places(assessment, plan, study_area)
    boroughs = borough_places(assessment, plan, study_area)
    outlines = simplify(study_area)
    areas = patrol_areas(plan, boroughs, outlines)
    grid = draw_grid(cells, _cells_known(cells, study_area, wards), cell_size_m=cell_size_m)
    shown_patterns = patterns(assessment, outlines)
    bounds = [float(value) for value in study_area.boroughs.total_bounds]
    data = {
        "bounds": bounds,
        "grid": _grid_data(grid),
        "wards": ward_features(wards, outlines, len(assessment.wards)),
        "boroughs": borough_features(boroughs, outlines, len(assessment.boroughs)),
        "areas": area_features(areas),
        "patterns": pattern_features(shown_patterns),
    }
    body = _page().render(
        assessment=assessment,
        run_marking=marking_of(assessment, plan),
        plan=plan,
        study_area=study_area,
        grid=grid,
        cell_size_m=cell_size_m,
        wards=_ranked(wards),
        boroughs=_ranked(boroughs),
        areas=areas,
        patterns=shown_patterns,
        any_unknown=any(place.state == "unknown" for place in wards),
        any_partial=any(place.state == "partial" for place in wards),
        any_outside=any(place.state == "outside" for place in wards),
        data=data_block(data),
        words=wording,
        verdict=verdict,
        verdict_columns=COLUMNS,
    )
    return _assemble(_title(assessment, plan), body, bounds)


class _Verbatim(Element):
    """An element whose text is final: it is not read as a template again."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__()
        self._id = name
        self.text = text

    def render(self, **_kwargs: object) -> str:
        """Return the text as it is."""
        return self.text


class _Page(Figure):
    """The document around the map."""

    _template = Template(
        '<!DOCTYPE html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n'
        "{{ this.header.render(**kwargs) }}\n</head>\n<body>\n{{ this.html.render(**kwargs) }}\n"
        "<script>\n{{ this.script.render(**kwargs) }}\n</script>\n</body>\n</html>\n"
    )

    def __init__(self) -> None:
        super().__init__()
        self.header = Element()
        self.header._parent = self


class WeekMap(folium.Map):
    """A folium map in EPSG:27700 metres that loads nothing and leaves zooming to the reader."""

    default_js: list[tuple[str, str]] = []  # noqa: RUF012 - the base class declares it so
    default_css: list[tuple[str, str]] = []  # noqa: RUF012 - the base class declares it so
    _template = Template(
        """
        {% macro script(this, kwargs) %}
        var {{ this.get_name() }} = L.map("map", {
            center: {{ this.location|tojson }},
            crs: L.CRS.{{ this.crs }},
            ...{{ this.options|tojavascript }}
        });
        drawWeek({{ this.get_name() }}, JSON.parse(document.getElementById("week").textContent));
        {% endmacro %}
        """
    )

    def __init__(self, bounds_m: Sequence[float]) -> None:
        west, south, east, north = bounds_m
        super().__init__(
            location=[(south + north) / 2, (west + east) / 2],
            tiles=None,
            crs="Simple",
            zoom_start=-6,
            zoom_snap=0,
            zoom_delta=0.5,
            attribution_control=False,
            bounce_at_zoom_limits=False,
        )
        self.options |= {"min_zoom": -9, "max_zoom": -1}
        self._id = "week"  # folium's own is random; the same input must give the same page


def _assemble(title: str, body: Markup, bounds_m: Sequence[float]) -> str:
    page = _Page()
    head = (
        f'{_POLICY_MARK}\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{safe_text(title)}</title>\n"
        f"<style>{assets.leaflet_style()}</style>\n<style>{assets.own_asset('week_map.css')}</style>"
    )
    scripts = (
        f"<script>{assets.leaflet_script()}</script>\n"
        f"<script>{assets.own_asset('week_map.js')}</script>"
    )
    page.header.add_child(_Verbatim(head, "head"), name="head")
    page.html.add_child(_Verbatim(f"{body}\n{scripts}", "body"), name="body")
    WeekMap(bounds_m).add_to(page)
    html = str(page.render())
    policy = assets.content_security_policy(html)
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    return html.replace(_POLICY_MARK, meta, 1)


def _page() -> Any:
    environment = Environment(
        autoescape=True,
        finalize=safe_text,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.from_string(assets.own_asset("week_map.html"))


def _title(assessment: RiskAssessment, plan: PatrolPlan | None) -> str:
    what = f"ARV patrol areas, week {plan.week}" if plan else "Firearms risk picture"
    marks = " ".join(mark for mark in (assessment.classification, assessment.notice) if mark)
    return f"{what} – as of {wording.british_date(assessment.as_of)} – {marks}"


def _ranked(places: Sequence[Place]) -> list[Place]:
    """Sort by rank; places without a figure come last, by name."""
    return sorted(
        places,
        key=lambda p: (
            not p.number_known,
            p.score.rank if p.score and p.number_known else 0,
            p.name,
            p.code,
        ),
    )


def _grid_data(grid: RiskGrid | None) -> dict[str, object] | None:
    if grid is None:
        return None
    return {"image": assets.png_uri(grid.png), "bounds": list(grid.bounds_m)}


def _cells_known(
    cells: pd.DataFrame, study_area: StudyArea, wards: Sequence[Place]
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return for each cell whether its ward may be drawn; cells outside every ward may."""
    if not {"x_m", "y_m"} <= set(cells.columns):
        return np.ones(len(cells), dtype=np.bool_)
    hidden = [place.code for place in wards if not place.number_known]
    codes = locate_wards(study_area, cells["x_m"].to_numpy(), cells["y_m"].to_numpy())
    return ~np.isin(codes, hidden)


def _refuse_mismatch(
    assessment: RiskAssessment, plan: PatrolPlan | None, study_area: StudyArea
) -> None:
    known = set(study_area.wards["ward_code"])
    foreign = next((score.code for score in assessment.wards if score.code not in known), None)
    if foreign is not None:
        raise AssessmentRefusedError(
            "the assessment has a ward that is not in the study area",
            value=foreign,
            remedy="draw the map with the boundaries the assessment was made with",
        )
    if plan is None or not plan.assessment_id:
        return
    if plan.assessment_id != assessment.assessment_id:
        raise AssessmentRefusedError(
            f"the plan was made for the assessment {plan.assessment_id}, "
            f"not for {assessment.assessment_id}",
            remedy="draw the plan with its own assessment, or allocate again",
        )
