"""What every step in the life of a plan checks: right, version, key, reasons and papers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from api.access import Action, Actor, Resource, decide
from api.plans.record import Alteration, PlanRecord
from api.reasons import checked_reason
from api.refusals import (
    AccessDeniedError,
    PlanChangedError,
    PlanConflictError,
    PlanLifeRefusedError,
)

Plans = Sequence[PlanRecord]


def found(plans: Plans, key: str, version: int | None) -> PlanRecord:
    """Return the plan with a key, at the version it was read at where that is given."""
    old = next((one for one in plans if one.key == key), None)
    if old is None:
        raise PlanConflictError(
            "there is no such plan", remedy="use a plan that is listed for the week", value=key
        )
    if version is not None and version != old.version:
        raise PlanChangedError(
            f"plan {old.key} is at version {old.version}, not {version}: somebody changed it",
            remedy="read it again, and decide on what it is now",
            value=version,
        )
    return old


def allow(actor: Actor, action: Action, resource: Resource) -> None:
    """Raise :class:`AccessDeniedError` unless the rules allow it."""
    verdict = decide(actor, action, resource)
    if not verdict.allowed:
        raise AccessDeniedError(
            verdict.reason, remedy="ask a person whose role it is, or an administrator"
        )


def as_resource(plan: PlanRecord) -> Resource:
    """Return a plan as the rules of access see it."""
    return Resource("plan", plan.key, involved=plan.involved)


def refuse_taken(plans: Plans, key: str) -> None:
    """Refuse a key that another plan of the week has."""
    if any(one.key == key for one in plans):
        raise PlanConflictError(
            "the key is taken by another plan of the week", remedy="use a new one", value=key
        )


def checked_alterations(
    alterations: Sequence[Alteration], actor: Actor, kept: Sequence[Alteration] = ()
) -> tuple[Alteration, ...]:
    """Return alterations with their actor, each with a reason that will do.

    Parameters
    ----------
    kept
        Alterations of the content before: where they are repeated they stay as they are, under
        the name of whoever made them.
    """
    return tuple(
        one
        if one in kept
        else replace(one, actor=actor.name, reason=checked_reason(one.reason, f"the {one.kind}"))
        for one in alterations
    )


def check_papers(plan: PlanRecord, no_equality_reason: str) -> str:
    """Return the reason for approving without an equality statement, empty with one."""
    for kind, words in (("verdict", "simulation verdict"), ("backtest_card", "backtest card")):
        if not getattr(plan.papers, kind):
            raise PlanLifeRefusedError(
                f"plan {plan.key} has no {words}",
                remedy=f"attach the {words} before it is approved",
            )
    if plan.papers.equality_statement:
        return ""
    return checked_reason(
        no_equality_reason, "approving a plan whose equality impact is not assessed"
    )


def optional_reason(reason: str, what: str) -> str:
    """Return a reason that may be left out, checked where it is given."""
    return checked_reason(reason, what) if reason.strip() else ""


def conflict(plan: PlanRecord, step: str) -> PlanConflictError:
    """Return the refusal of a step that the state of a plan forbids."""
    return PlanConflictError(
        f"plan {plan.key} is {plan.state} and cannot {step}",
        remedy="read the week's plans again; draft a new one where none can be used",
        value=str(plan.state),
    )
