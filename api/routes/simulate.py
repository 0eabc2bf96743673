"""Simulated weeks of a plan over HTTP, alone or beside other placements, as `arv simulate`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from allocator.simulation.assumptions import SimulationAssumptions
from api.routes.bodies import FleetBody, Identifier, Strict
from api.routes.plans import KEY, PlanKey
from api.routes.recorded_plan import RecordedPlan, chosen_fleet, plan_before
from api.routes.studies import Study
from api.routes.study_documents import SimulationDocument
from api.service import Service
from api.working.study_orders import SIMULATE, SimulationOrder, Studied

#: More weeks than these are always a job.
MOST_WEEKS_WAITED = 2_000
#: What a simulation may take, whatever its weeks, in seconds.
LONGEST_S = 600.0
EarlierKey = Annotated[str, StringConstraints(pattern=KEY)]


class SimulationBody(Strict):
    """What is asked of simulated weeks; every figure left out is the usual one."""

    weeks: int = Field(default=400, ge=1, le=100_000)
    seed: int = Field(default=0, ge=0, lt=2**32, description="Of all chance; one seed repeats.")
    fleet: FleetBody | None = None
    fleet_id: Identifier | None = Field(
        default=None, description="Days on duty; without a fleet every unit is out every day."
    )
    calls_per_week: float | None = Field(default=None, gt=0, le=1e6, description="Assumption.")
    service_time_s: float | None = Field(
        default=None, gt=0, le=604_800, description="Assumption: from arrival until free."
    )
    two_unit_share: float | None = Field(
        default=None, ge=0, le=1, description="Assumption: calls a second unit is sent to."
    )
    travel_noise: float | None = Field(
        default=None, ge=0, le=2, description="Assumption: spread of the logarithm of drive times."
    )
    rule: Literal["closest", "own_area_first", "fixed_order"] | None = Field(
        default=None, description="Which available unit is sent."
    )
    beside: bool = Field(
        default=False,
        description="Also simulate the plan before it, and the fleet by demand, by nearest centre "
        "and greedily, on the same calls.",
    )
    previous: EarlierKey | None = Field(
        default=None,
        description="Key of the plan before it; by default the one it counts its changes from, "
        "or what stands approved of the latest earlier week.",
    )


async def simulate_plan(request: Request, key: PlanKey, body: SimulationBody) -> Response:
    """Simulate weeks of a plan and keep what came of them."""
    return await SIMULATION.ask(request, key, body, long=body.weeks > MOST_WEEKS_WAITED)


async def read_simulation(request: Request, key: PlanKey) -> Response:
    """Return the simulated weeks of a plan that were asked for last."""
    return await SIMULATION.read(request, key)


async def _order(service: Service, found: RecordedPlan, body: SimulationBody) -> SimulationOrder:
    names = ("calls_per_week", "service_time_s", "two_unit_share", "travel_noise", "rule")
    given = {name: getattr(body, name) for name in names if getattr(body, name) is not None}
    SimulationAssumptions(**given)  # refused here, before anything is accepted
    fleet = await chosen_fleet(service, body.fleet, body.fleet_id, needed=False)
    beside = body.beside or body.previous is not None
    return SimulationOrder(
        Studied(found.plan, found.source.folder, fleet),
        weeks=body.weeks,
        seed=body.seed,
        given=given,
        beside=beside,
        previous=await plan_before(service, found, body.previous) if beside else None,
    )


SIMULATION = Study(
    "simulation",
    "simulate",
    SimulationBody,
    SIMULATE,
    _order,
    lambda _body: LONGEST_S,
    (("Simulating weeks", 1),),
)
SIMULATING = SIMULATION.kind()

ENDPOINTS = SIMULATION.endpoints(
    simulate_plan,
    read_simulation,
    (
        "Simulate weeks of a plan, alone or beside other placements",
        "The simulated weeks of a plan that were asked for last",
    ),
    (SimulationDocument, "The simulated weeks."),
)
