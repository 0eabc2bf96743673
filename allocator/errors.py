"""Typed refusals of the planner; every one names the value, the bound and the remedy."""

from __future__ import annotations


class PlanningRefusedError(Exception):
    """A request cannot be planned as it stands. One line a person can act on."""

    def __init__(self, problem: str, *, remedy: str) -> None:
        self.problem = problem
        self.remedy = remedy
        shown, advice = _printable(problem), _printable(remedy)
        super().__init__(f"{shown.rstrip('.')}. Remedy: {advice.rstrip('.')}.")


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


class OverloadRefusedError(PlanningRefusedError):
    """More calls arrive than the units can complete: the queue grows without end.

    ``growth_per_h`` is how many more calls wait after every hour, once all units are busy.
    """

    def __init__(self, calls_per_h: float, capacity_per_h: float) -> None:
        self.growth_per_h = calls_per_h - capacity_per_h
        grows = (
            f"grows by {self.growth_per_h:.3g} calls an hour"
            if self.growth_per_h > 0
            else "has no steady state"
        )
        super().__init__(
            f"{calls_per_h:.4g} calls an hour arrive and the units can complete "
            f"{capacity_per_h:.4g}: the queue {grows}",
            remedy="add units, shorten the service time, or let others answer calls that find "
            "all units busy",
        )


class PlanVerificationError(PlanningRefusedError):
    """The independent verifier found a plan that breaks a rule: a defect of the product."""


def _printable(text: str, limit: int = 2000) -> str:
    """Return text as one line of bounded length that no terminal takes for a command."""
    line = " ".join(text.split())
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
