"""The life of a plan: draft, proposed, approved, published, then superseded or withdrawn.

Every step takes the plans of one week and gives back what is to be written; nothing here
touches a database, a solver or an assessment, so that falling back to the last approved plan
works when those fail. The rules:

- the steps are those of :data:`STEPS`; anything else is a conflict;
- nobody approves what they drafted, altered or proposed (:func:`api.access.decide`);
- changing a plan makes it a draft again and voids its proposal and approval; a plan in force
  stays in force while its changed copy goes the same way as any other;
- a week has at most one approved plan that waits, and at most one published plan;
- a plan is approved with its simulation verdict and backtest card, and with its equality
  statement or a recorded reason for its absence;
- a lock, an exclusion, a suppressed or added hot spot and an override have an actor and a reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from api.access import Action, Actor, Resource
from api.plans.record import (
    STANDS_APPROVED,
    Alteration,
    PaperKind,
    Papers,
    PlanContent,
    PlanRecord,
    State,
    check_areas,
)
from api.plans.rules import (
    Plans,
    allow,
    as_resource,
    check_papers,
    checked_alterations,
    conflict,
    found,
    optional_reason,
    refuse_taken,
)
from api.reasons import checked_reason
from api.refusals import (
    PlanConflictError,
    PlanLifeRefusedError,
)

#: The states from which each step leaves, and the state it leads to.
STEPS: Mapping[Action, tuple[frozenset[State], State]] = {
    Action.PROPOSE_PLAN: (frozenset({State.DRAFT}), State.PROPOSED),
    Action.APPROVE_PLAN: (frozenset({State.PROPOSED}), State.APPROVED),
    Action.REJECT_PLAN: (frozenset({State.PROPOSED}), State.REJECTED),
    Action.PUBLISH_PLAN: (frozenset({State.APPROVED}), State.PUBLISHED),
    Action.WITHDRAW_PLAN: (
        frozenset({State.DRAFT, State.PROPOSED, State.APPROVED, State.PUBLISHED}),
        State.WITHDRAWN,
    ),
}
#: States in which a plan itself becomes a draft again; one in force is copied instead.
REDRAFTED = frozenset({State.DRAFT, State.PROPOSED, State.APPROVED, State.REJECTED})
#: States in which a plan may be altered; one in force stays, and the alteration is a new draft.
ALTERABLE = REDRAFTED | {State.PUBLISHED}
_OPEN_TO_PAPERS = frozenset({State.DRAFT, State.PROPOSED})


@dataclass(frozen=True)
class Step:
    """A step that is allowed: what was done to which plan, why, and the plans to write.

    ``changed`` lists the plan the step is about first, then those it ends.
    """

    action: Action
    subject: PlanRecord
    reason: str
    changed: tuple[PlanRecord, ...]


def draft(
    plans: Plans,
    key: str,
    week: str,
    content: PlanContent,
    actor: Actor,
    *,
    alterations: Sequence[Alteration] = (),
) -> Step:
    """Add a draft to a week under a new key.

    Raises
    ------
    AccessDeniedError
        When the actor may not draft.
    PlanConflictError
        When the key is taken.
    PlanLifeRefusedError
        When an area or an alteration is not in order.
    """
    allow(actor, Action.MAKE_PLAN, Resource("plan", week))
    made = _new_record(plans, key, week, content, actor, alterations=alterations)
    return Step(Action.MAKE_PLAN, made, "", (made,))


def alter(
    plans: Plans,
    key: str,
    content: PlanContent,
    actor: Actor,
    alterations: Sequence[Alteration],
    *,
    copy_key: str,
    version: int | None = None,
) -> Step:
    """Give a plan new content: it is a draft again, without proposal, approval or papers.

    Parameters
    ----------
    copy_key
        Key of the new draft when the plan is in force, which it stays.

    Raises
    ------
    AccessDeniedError, PlanConflictError, PlanChangedError, PlanLifeRefusedError
        See the module's rules; an alteration without reason is refused.
    """
    old = found(plans, key, version)
    allow(actor, Action.ALTER_PLAN, as_resource(old))
    if old.state not in ALTERABLE:
        raise conflict(old, "be altered")
    if not alterations:
        raise PlanLifeRefusedError(
            f"altering plan {old.key} needs at least one alteration",
            remedy="name what was locked, excluded, suppressed, added or overridden, and why",
        )
    checked = checked_alterations(alterations, actor, old.alterations)
    if old.state is State.PUBLISHED:
        copied = _new_record(plans, copy_key, old.week, content, actor, alterations=())
        made = replace(copied, authors=_with(old.authors, actor.name), alterations=checked)
    else:
        check_areas(content.areas)
        made = replace(
            _moved(old, State.DRAFT),
            content=content,
            content_version=old.content_version + 1,
            authors=_with(old.authors, actor.name),
            proposer="",
            approver="",
            alterations=checked,
            papers=Papers(),
            no_equality_reason="",
        )
    return Step(Action.ALTER_PLAN, made, made.alterations[0].reason, (made,))


def attach(
    plans: Plans,
    key: str,
    kind: PaperKind,
    sha256: str,
    actor: Actor,
    *,
    version: int | None = None,
) -> Step:
    """Keep a verdict, backtest card or equality statement with a plan before its approval.

    Raises
    ------
    AccessDeniedError, PlanConflictError, PlanChangedError
        See the module's rules; a paper is never exchanged for another.
    """
    old = found(plans, key, version)
    allow(actor, Action.ALTER_PLAN, as_resource(old))
    if old.state not in _OPEN_TO_PAPERS:
        raise conflict(old, "take a document")
    if getattr(old.papers, kind):
        raise PlanConflictError(
            f"plan {old.key} has its {kind} already",
            remedy="alter the plan, which makes a new draft, and attach the paper to that",
        )
    papers = replace(old.papers, **{kind: sha256})
    made = replace(old, papers=papers, version=old.version + 1)
    return Step(Action.ALTER_PLAN, made, f"{kind} attached", (made,))


def propose(
    plans: Plans, key: str, actor: Actor, *, reason: str = "", version: int | None = None
) -> Step:
    """Put a draft before a second person.

    Raises
    ------
    AccessDeniedError, PlanConflictError, PlanChangedError, PlanLifeRefusedError
        See the module's rules.
    """
    old = _ready(plans, key, Action.PROPOSE_PLAN, actor, version)
    check_areas(old.content.areas)
    made = replace(_moved(old, State.PROPOSED), proposer=actor.name)
    return Step(Action.PROPOSE_PLAN, made, optional_reason(reason, "a proposal"), (made,))


def approve(
    plans: Plans,
    key: str,
    actor: Actor,
    *,
    reason: str = "",
    no_equality_reason: str = "",
    version: int | None = None,
) -> Step:
    """Approve a proposal made by somebody else.

    Raises
    ------
    AccessDeniedError
        When the actor is no approver, or had a hand in the plan.
    PlanConflictError
        When it is no proposal, or another plan of the week is approved and waits.
    PlanChangedError
        When it changed since it was read.
    PlanLifeRefusedError
        When the verdict or backtest card is missing, or the equality statement is and no
        reason is given.
    """
    old = _ready(plans, key, Action.APPROVE_PLAN, actor, version)
    waiting = next((one for one in plans if one.state is State.APPROVED), None)
    if waiting is not None:
        raise PlanConflictError(
            f"plan {waiting.key} of this week is already approved",
            remedy="publish or withdraw that one first",
        )
    excuse = check_papers(old, no_equality_reason)
    made = replace(_moved(old, State.APPROVED), approver=actor.name, no_equality_reason=excuse)
    return Step(
        Action.APPROVE_PLAN, made, excuse or optional_reason(reason, "an approval"), (made,)
    )


def reject(
    plans: Plans, key: str, actor: Actor, *, reason: str, version: int | None = None
) -> Step:
    """Send a proposal back, with a reason.

    Raises
    ------
    AccessDeniedError, PlanConflictError, PlanChangedError, PlanLifeRefusedError
        See the module's rules.
    """
    old = _ready(plans, key, Action.REJECT_PLAN, actor, version)
    return _taken_back(old, Action.REJECT_PLAN, checked_reason(reason, "a rejection"))


def publish(
    plans: Plans, key: str, actor: Actor, *, reason: str = "", version: int | None = None
) -> Step:
    """Put an approved plan in force; the one in force until now is superseded.

    Raises
    ------
    AccessDeniedError, PlanConflictError, PlanChangedError, PlanLifeRefusedError
        See the module's rules.
    """
    old = _ready(plans, key, Action.PUBLISH_PLAN, actor, version)
    made = _moved(old, State.PUBLISHED)
    changed = (made, *_superseded(plans))
    return Step(Action.PUBLISH_PLAN, made, optional_reason(reason, "a publication"), changed)


def withdraw(
    plans: Plans, key: str, actor: Actor, *, reason: str, version: int | None = None
) -> Step:
    """Take a plan back, with a reason; it is never put in force again.

    Raises
    ------
    AccessDeniedError, PlanConflictError, PlanChangedError, PlanLifeRefusedError
        See the module's rules.
    """
    old = _ready(plans, key, Action.WITHDRAW_PLAN, actor, version)
    return _taken_back(old, Action.WITHDRAW_PLAN, checked_reason(reason, "a withdrawal"))


def fall_back(
    plans: Plans, key: str, week: str, last: PlanRecord | None, actor: Actor, *, reason: str
) -> Step:
    """Put the content of the last approved plan in force for a week, under a new key.

    Its content was proposed by one person and approved by another, and both stay named; the
    one who falls back is in the record with the reason.

    Parameters
    ----------
    plans
        The plans of the week.
    last
        From :func:`last_approved`.

    Raises
    ------
    AccessDeniedError, PlanConflictError, PlanLifeRefusedError
        See the module's rules; also when nothing was ever approved.
    """
    allow(actor, Action.FALL_BACK, Resource("plan", week))
    why = checked_reason(reason, "falling back")
    refuse_taken(plans, key)
    if last is None or last.state not in STANDS_APPROVED or not last.approver:
        raise PlanConflictError(
            f"no approved plan up to week {week} is left to fall back to",
            remedy="draft a plan, have it proposed and approved by another person",
        )
    if last.week == week and last.state is not State.SUPERSEDED:
        done = last.state is State.PUBLISHED
        raise PlanConflictError(
            f"plan {last.key} is {'in force already' if done else 'approved and waits'}",
            remedy="nothing is to be done" if done else "publish it",
        )
    made = replace(
        last,
        key=key,
        week=week,
        state=State.PUBLISHED,
        version=1,
        content_version=1,
        fallback_of=last.fallback_of or last.key,
    )
    return Step(Action.FALL_BACK, made, why, (made, *_superseded(plans)))


def last_approved(plans: Iterable[PlanRecord], week: str) -> PlanRecord | None:
    """Return the plan of the latest week, up to a week, that stands approved.

    Within a week the one in force comes before one that waits, and that before an earlier one.
    """
    order = (State.SUPERSEDED, State.APPROVED, State.PUBLISHED)
    standing = [
        one for one in plans if one.state in STANDS_APPROVED and one.approver and one.week <= week
    ]
    return max(standing, key=lambda one: (one.week, order.index(one.state), one.key), default=None)


def _ready(plans: Plans, key: str, action: Action, actor: Actor, version: int | None) -> PlanRecord:
    """Return the plan of a step after checking right, version and state."""
    old = found(plans, key, version)
    allow(actor, action, as_resource(old))
    leaves, leads = STEPS[action]
    if old.state not in leaves:
        raise conflict(old, f"become {leads}")
    return old


def _new_record(
    plans: Plans,
    key: str,
    week: str,
    content: PlanContent,
    actor: Actor,
    *,
    alterations: Sequence[Alteration],
) -> PlanRecord:
    refuse_taken(plans, key)
    check_areas(content.areas)
    checked = checked_alterations(alterations, actor)
    return PlanRecord(key, week, content, authors=(actor.name,), alterations=checked)


def _with(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return names if name in names else (*names, name)


def _taken_back(old: PlanRecord, action: Action, reason: str) -> Step:
    made = _moved(old, STEPS[action][1])
    return Step(action, made, reason, (made,))


def _moved(plan: PlanRecord, state: State) -> PlanRecord:
    return replace(plan, state=state, version=plan.version + 1)


def _superseded(plans: Plans) -> tuple[PlanRecord, ...]:
    return tuple(_moved(one, State.SUPERSEDED) for one in plans if one.state is State.PUBLISHED)
