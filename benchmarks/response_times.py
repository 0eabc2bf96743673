"""Response times by placement on the sample week, simulated: a table and the docs' picture.

Every placement meets the same simulated weeks of calls. ``python -m benchmarks response_times``
draws ``docs/pictures/response_times.png``, the same bytes each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from allocator.plan import Fleet
from allocator.simple_placements import simple_placements
from allocator.simulation.assumptions import SimulationAssumptions
from allocator.simulation.deployment import deploy_areas, deploy_plan
from allocator.simulation.report import Weeks
from allocator.simulation.weeks import simulate_deployments
from allocator.travel_time import embedded_travel_time
from allocator.weekly_plan import plan_week
from api.files.fleet_file import read_fleet
from api.files.sample_data import SAMPLE_AS_OF, sample_feeds, sample_fleet
from hotspots.assessment import RiskAssessment
from hotspots.boundaries.study_area import load_bundled
from hotspots.feeds.reader import read_feeds
from hotspots.pipeline import assess_week
from hotspots.sources import load_default_policy

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "response_times.png"
WEEKS = 400
SEED = 1
STYLES = {
    "proposed plan": ("#0072B2", "-", 2.4),
    "by demand": ("#D55E00", "--", 1.6),
    "nearest centre": ("#009E73", "-.", 1.6),
    "greedy": ("#6b7480", ":", 2.0),
}


def run() -> str:
    """Return quantiles of the response by placement; draw the picture."""
    assessment, fleet = sample_week(), read_fleet(sample_fleet())
    weeks = simulated(assessment, fleet)
    lines = [
        f"{WEEKS} simulated weeks of {SimulationAssumptions().calls_per_week:g} calls (invented), "
        f"standard {fleet.service_standard_s / 60:g} min",
        f"{'placement':16} {'in standard':>12} {'median':>9} {'90 %':>9} {'99 %':>9}",
    ]
    for name, one in weeks.items():
        half, most, nearly = np.quantile(one.trace.response_s, (0.5, 0.9, 0.99)) / 60
        lines.append(
            f"{name:16} {one.within().mean():12.1%} {half:5.1f} min {most:5.1f} min "
            f"{nearly:5.1f} min"
        )
    draw(weeks, fleet, PICTURE)
    return "\n".join(lines)


def sample_week() -> RiskAssessment:
    """Return the assessment of the bundled sample."""
    area = load_bundled()
    as_of = date.fromisoformat(SAMPLE_AS_OF)
    readings = read_feeds(sample_feeds(), area)
    return assess_week(readings, area, as_of=as_of, policy=load_default_policy()).assessment


def simulated(assessment: RiskAssessment, fleet: Fleet) -> dict[str, Weeks]:
    """Return the simulated weeks of the proposed plan and of the simple placements."""
    travel, assumed = embedded_travel_time(assessment), SimulationAssumptions()
    units = sorted(fleet.units, key=lambda unit: unit.unit_id)
    plan = plan_week(assessment, fleet, travel=travel)
    deployments = [deploy_plan(plan, assessment, units=units, demand_mix=assumed.demand_mix)]
    simple = simple_placements(assessment, fleet, travel=travel)
    for name in ("proportional", "nearest_centre", "greedy"):
        areas = simple[name]
        deployments.append(deploy_areas(areas, units, assessment, demand_mix=assumed.demand_mix))
    weeks = simulate_deployments(
        deployments,
        assessment,
        travel,
        weeks=WEEKS,
        seed=SEED,
        service_standard_s=fleet.service_standard_s,
        turnout_s=fleet.turnout_s,
        assumptions=assumed,
    )
    return dict(zip(STYLES, weeks, strict=True))


def draw(weeks: Mapping[str, Weeks], fleet: Fleet, picture: Path) -> None:
    """Draw the share of calls reached by time, and the proposed plan's lead over the others."""
    minutes = np.linspace(0, 25, 251)
    reached = {
        name: np.searchsorted(np.sort(one.trace.response_s), 60 * minutes, side="right")
        / len(one.trace.response_s)
        for name, one in weeks.items()
    }
    settings = {"axes.spines.top": False, "axes.spines.right": False, "font.size": 10}
    with mpl.rc_context(settings | {"axes.titlelocation": "left", "axes.titleweight": "bold"}):
        figure = Figure(figsize=(11, 4.8))
        left, right = figure.subplots(1, 2, width_ratios=[3, 2])
        for name, one in weeks.items():
            colour, style, width = STYLES[name]
            label = f"{name}: {one.within().mean():.1%} within the standard"
            left.plot(minutes, 100 * reached[name], style, color=colour, lw=width, label=label)
            lead = 100 * (reached["proposed plan"] - reached[name])
            right.plot(minutes, lead, style, color=colour, lw=width)
        standard_min = fleet.service_standard_s / 60
        for axes in (left, right):
            axes.axvline(standard_min, color="black", lw=1)
            axes.set_xlim(0, 25)
            axes.set_xlabel("minutes from call to first arrival")
        left.text(standard_min + 0.2, 2, f"standard, {standard_min:g} min", size=9)
        left.set_ylim(0, 100)
        left.set_ylabel("calls reached, %")
        left.set_title("Response times by placement")
        left.legend(frameon=False, loc="lower right", bbox_to_anchor=(1.0, 0.08))
        right.set_title("Proposed plan less the other, points")
        figure.subplots_adjust(left=0.07, right=0.98, bottom=0.2, top=0.88, wspace=0.14)
        _sign(figure)
        figure.savefig(picture, dpi=110, metadata={"Software": None})


def _sign(figure: Figure) -> None:
    mark = "OFFICIAL · SYNTHETIC"
    figure.text(0.995, 0.995, mark, ha="right", va="top", color="#D55E00", weight="bold")
    source = (
        f"Source: the bundled sample, invented records known before {SAMPLE_AS_OF}; invented "
        f"fleet.\n{WEEKS} simulated weeks of {SimulationAssumptions().calls_per_week:g} calls, "
        "the same for every placement."
    )
    figure.text(0.005, 0.003, source, ha="left", va="bottom", size=8, color="#6b7480")
