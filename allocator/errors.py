"""Typed refusals of the planner; every one names the value, the bound and the remedy."""

from __future__ import annotations


class PlanningRefusedError(Exception):
    """A request cannot be planned as it stands. One line a person can act on."""

    def __init__(self, problem: str, *, remedy: str) -> None:
        self.problem = problem
        self.remedy = remedy
        text = f"{problem.rstrip('.')}. Remedy: {remedy.rstrip('.')}."
        super().__init__(" ".join(text.split()))


class FleetRefusedError(PlanningRefusedError):
    """The fleet file describes vehicles that cannot be placed."""


class LockRefusedError(PlanningRefusedError):
    """A lock names an unknown unit or borough, or contradicts another rule."""


class PlanDocumentRefusedError(PlanningRefusedError):
    """A plan document is malformed or belongs to another schema."""


class PlanInfeasibleError(PlanningRefusedError):
    """No plan satisfies every rule at once."""


class PlanTimedOutError(PlanningRefusedError):
    """The time limit ended the solve before any plan was found."""


class PlanVerificationError(PlanningRefusedError):
    """The independent verifier found a plan that breaks a rule: a defect of the product."""
