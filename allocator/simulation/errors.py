"""Typed refusals of the simulator; every one names the value, the bound and the remedy."""

from __future__ import annotations

from allocator.errors import PlanningRefusedError


class SimulationRefusedError(PlanningRefusedError):
    """What was asked cannot be simulated as it stands."""


class OverloadError(SimulationRefusedError):
    """The calls ask for more than the fleet can give, so the queue grows without end.

    Attributes
    ----------
    growth_per_h
        Calls by which the queue grows in an hour, at least.
    """

    def __init__(self, problem: str, *, remedy: str, growth_per_h: float) -> None:
        self.growth_per_h = growth_per_h
        super().__init__(problem, remedy=remedy)


class UnrelatedPlanError(SimulationRefusedError):
    """The plan, the assessment and the fleet do not belong together."""
