"""What the interface says of studies of a plan and of re-plans."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from api.negotiation import JSON
from api.routes.documents import ACCEPTED, Document, PlanDocument, problem


class MarkedDocument(Document):
    """A study, with the marking of the plan and the assessment it is about."""

    classification: str
    notice: str
    assessment_id: str
    plan_id: str
    policy_version: str
    as_of: str
    evidence_until: str


class SimulationDocument(MarkedDocument):
    """Simulated weeks of a plan: a report, or a verdict beside other placements (`rivals`)."""

    model_config = ConfigDict(strict=True, extra="allow")

    schema_version: str
    week: str
    weeks: int
    seed: int


class PlacementRowDocument(Document):
    """One way to place the fleet."""

    name: str
    label: str
    objective: float = Field(description="Expected share of demand reached in time.")
    bound: float | None = Field(description="Proven limit, where there is one.")
    borough_coverage: list[float] = Field(description="In the order of borough_codes.")
    areas: list[list[str]] = Field(description="Boroughs of each unit, by unit_id.")


class RuleCostDocument(Document):
    """What a rule of the plan costs."""

    rule: str
    gain: float = Field(description="Objective gained without it, at least.")
    gain_at_most: float = Field(description="And at most, by the proven limits.")


class ComparisonDocument(MarkedDocument):
    """A plan beside the ways it could have been made, all under one formula of coverage."""

    borough_codes: list[str]
    borough_names: list[str]
    alternatives: list[PlacementRowDocument] = Field(
        description="proposed, previous, unconstrained, proportional, nearest_centre, greedy; "
        "what was not solved in time is left out."
    )
    rule_costs: list[RuleCostDocument]
    previous_plan_id: str | None


class AlternativeDocument(Document):
    """A plan nearly as good."""

    objective_loss: float = Field(description="Coverage given up.")
    boroughs_moved: int = Field(description="Boroughs that another unit patrols.")
    units_changed: int
    least_distance: int = Field(description="Least number of moves from any plan before it.")
    distance_at_most: int = Field(description="Proven limit of that.")
    plan: PlanDocument


class AlternativesDocument(MarkedDocument):
    """Plans nearly as good as a plan that differ from it as much as possible."""

    objective: float
    tolerance: float
    alternatives: list[AlternativeDocument]


class UnitChangeDocument(Document):
    """A unit whose area differs."""

    unit_id: str
    before: list[str]
    after: list[str]
    gained: list[str]
    given_up: list[str]


class CurvePointDocument(Document):
    """The best coverage with at most some changed units."""

    max_changes: int
    status: str
    changed: int | None
    objective: float | None
    bound: float | None
    workload_bounds_relaxed: bool


class ScratchDocument(Document):
    """The best plan with no limit on changes."""

    objective: float
    bound: float
    changed_units: int


class MadeFromDocument(Document):
    """The plan that was mended, and what was asked."""

    key: str
    plan_id: str
    version: int
    state: str
    reason: str
    day: str | None = Field(description="Day from which the re-plan holds.")
    lost: list[str]
    started: list[str]
    locks: dict[str, list[str]]
    max_changes: int | None


class ReplanDocument(Document):
    """A re-plan: every change as data and in words, and what it was weighed against."""

    plan: PlanDocument
    from_scratch: ScratchDocument
    coverage_tolerance: float
    changes: list[UnitChangeDocument]
    loads: dict[str, float] = Field(description="Demand by unit, in equal shares.")
    sentences: list[str]
    price_of_stability: list[CurvePointDocument]
    made_from: MadeFromDocument


class DraftedDocument(Document):
    """The draft that a re-plan is kept as."""

    key: str
    week: str
    plan_id: str
    state: str
    version: int
    replan: ReplanDocument


NO_STUDY = problem("There is no such plan, or nobody asked for this of what it places now.")
ALTERED = problem("The plan was altered meanwhile, or the first request is still being done.")
BUSY = problem("Too many solves are waiting; see Retry-After.")


def study_responses(model: Any, description: str) -> dict[int | str, dict[str, Any]]:
    """Return the answers of an endpoint that makes a study."""
    made = {"model": model, "description": description, "content": {JSON: {}}}
    return {
        200: made,
        404: problem("There is no such plan, or its assessment is no longer stored."),
        409: ALTERED,
        503: BUSY,
        **ACCEPTED,
    }


def reading_responses(model: Any, description: str) -> dict[int | str, dict[str, Any]]:
    """Return the answers of an endpoint that gives the study made last."""
    return {200: {"model": model, "description": description}, 404: NO_STUDY}
