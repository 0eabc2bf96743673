"""Where a week's plans stand and what the person signed in may do with each, in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from api.access import Action, Actor, Resource, decide
from api.pages.local_time import london_moment
from api.plans.life import ALTERABLE, STEPS
from api.plans.record import ENDED, Alteration, AlterationKind, Papers, PlanRecord, State
from api.plans.rules import as_resource
from api.titles import PAPERS

#: What each kind of alteration is called.
ALTERATIONS: Mapping[AlterationKind, str] = {
    "lock": "Lock",
    "exclude": "Exclusion",
    "support": "Support",
    "override": "Override",
    "suppressed_hot_spot": "Hot spot suppressed",
    "added_hot_spot": "Hot spot added",
    "other": "Other",
}


@dataclass(frozen=True)
class Decision:
    """A step as the page that confirms it words it.

    Attributes
    ----------
    name
        Last part of its address.
    title, consequence, confirmation, button
        Heading, what follows from the step, what the person confirms, and the button.
    reason_needed
        True when the record takes it with a reason only.
    done
        What the week's page says afterwards.
    """

    name: str
    action: Action
    title: str
    consequence: str
    confirmation: str
    button: str
    reason_needed: bool
    done: str


DRAFT = Decision(
    "draft",
    Action.MAKE_PLAN,
    "Keep this plan as a draft",
    "The plan goes into the record as a draft, with its verdict and backtest card where it has "
    "them. Nothing is in force by that.",
    "This is the plan to bring to the meeting.",
    "Keep as a draft",
    False,
    "The plan is kept as a draft.",
)
DECISIONS: tuple[Decision, ...] = (
    Decision(
        "propose",
        Action.PROPOSE_PLAN,
        "Propose the plan",
        "The plan goes to a second person, who approves it or sends it back. Whoever drafted, "
        "altered or proposed a plan cannot approve it.",
        "I have read the areas, the reasons and the verdict.",
        "Propose",
        False,
        "The plan is proposed. A second person may now approve it or send it back.",
    ),
    Decision(
        "approve",
        Action.APPROVE_PLAN,
        "Approve the plan",
        "You stand behind the plan as its second person. It comes into force when it is published.",
        "I have read the areas, the reasons and the verdict.",
        "Approve",
        False,
        "The plan is approved. It comes into force when it is published.",
    ),
    Decision(
        "reject",
        Action.REJECT_PLAN,
        "Send the plan back",
        "The proposal ends here. The meeting may alter the plan and propose it again.",
        "The plan is to go back to the meeting.",
        "Send back",
        True,
        "The plan was sent back.",
    ),
    Decision(
        "publish",
        Action.PUBLISH_PLAN,
        "Publish the plan",
        "The plan comes into force for its week. A plan in force until now is superseded.",
        "The plan is to come into force.",
        "Publish",
        False,
        "The plan is in force.",
    ),
    Decision(
        "withdraw",
        Action.WITHDRAW_PLAN,
        "Withdraw the plan",
        "The plan is taken back for good. If it was in force, the week has no plan in force until "
        "another one is published.",
        "The plan no longer holds.",
        "Withdraw",
        True,
        "The plan was withdrawn.",
    ),
)
#: What the week's page says after a step, by the name of the step.
DONE: Mapping[str, str] = {
    **{one.name: one.done for one in (DRAFT, *DECISIONS)},
    "alter": "The alteration is in the record. There is a draft with it to propose.",
    "fall-back": "The last approved plan is in force for the week.",
}

_IN_WORDS: Mapping[State, tuple[str, str]] = {
    State.DRAFT: ("Draft", "Not proposed yet; nothing is in force by it."),
    State.PROPOSED: ("Proposed", "Waits for approval by a second person."),
    State.APPROVED: ("Approved", "Waits to be published."),
    State.PUBLISHED: ("In force", "Published: the plan of the week."),
    State.SUPERSEDED: ("Superseded", "A later plan took its place."),
    State.WITHDRAWN: ("Withdrawn", "Taken back for good."),
    State.REJECTED: ("Sent back", "Not approved; the meeting may alter it."),
}
#: A plan goes to a second person with these beside it.
_NEEDED = ("verdict", "backtest_card")


@dataclass(frozen=True)
class SetByHand:
    """Something the meeting set by hand, ready to print."""

    what: str
    subject: str
    who: str
    when: str
    reason: str


@dataclass(frozen=True)
class Known:
    """What the record knows beside the plans: display names by account, and when things were set.

    The time is that of the first content with which the alteration was recorded.
    """

    names: Mapping[str, str]
    times: Mapping[Alteration, datetime]


@dataclass(frozen=True)
class Standing:
    """One plan of the week's record, ready to print."""

    key: str
    plan_id: str
    shown: bool
    ended: bool
    state: str
    state_words: str
    version: int
    people: tuple[tuple[str, str], ...]
    papers: str
    missing: str
    choices: tuple[Decision, ...]
    blocked: str
    objection: str
    set_by_hand: tuple[SetByHand, ...]
    may_alter: bool


def standings(
    records: Sequence[PlanRecord], plan_id: str, actor: Actor, known: Known
) -> tuple[Standing, ...]:
    """Return the plans of a week: the one shown first, then the others, ended ones last.

    Parameters
    ----------
    plan_id
        Identifier of the plan the page shows.
    known
        What the record knows beside them.
    """
    made = [standing(one, plan_id, actor, known) for one in records]
    return tuple(sorted(made, key=lambda one: (one.ended, not one.shown)))


def standing(record: PlanRecord, plan_id: str, actor: Actor, known: Known) -> Standing:
    """Return where one plan stands."""
    state, words = _IN_WORDS[record.state]
    possible = [one for one in DECISIONS if record.state in STEPS[one.action][0]]
    kept, missing = _papers(record.papers)
    return Standing(
        key=record.key,
        plan_id=record.content.plan_id,
        shown=record.content.plan_id == plan_id,
        ended=record.state in ENDED,
        state=state,
        state_words=words,
        version=record.version,
        people=_people(record, known.names),
        papers=kept,
        missing=missing,
        choices=tuple(
            one for one in possible if decide(actor, one.action, as_resource(record)).allowed
        ),
        blocked=_blocked(record),
        objection=_objection(record, actor),
        set_by_hand=tuple(_set_by_hand(one, known) for one in record.alterations),
        may_alter=record.state in ALTERABLE
        and record.fallback_of[:8] in {"", record.week}  # the content is of that week
        and decide(actor, Action.ALTER_PLAN, as_resource(record)).allowed,
    )


def may_draft(records: Sequence[PlanRecord], plan_id: str, actor: Actor) -> bool:
    """Return whether the plan shown has no open record yet and the actor may make one."""
    taken = any(one.content.plan_id == plan_id and one.state not in ENDED for one in records)
    return not taken and decide(actor, Action.MAKE_PLAN, Resource("plan")).allowed


def _set_by_hand(one: Alteration, known: Known) -> SetByHand:
    at = known.times.get(one)
    return SetByHand(
        ALTERATIONS[one.kind],
        one.subject,
        _called(one.actor, known.names),
        london_moment(at) if at else "",
        one.reason,
    )


def _blocked(record: PlanRecord) -> str:
    """Return why nobody can approve the plan as it is, empty when somebody can."""
    lacking = [PAPERS[kind] for kind in _NEEDED if not getattr(record.papers, kind)]
    if not lacking or record.state not in {State.DRAFT, State.PROPOSED}:
        return ""
    return (
        f"It cannot be approved without its {' and '.join(lacking)}. Have them made for this "
        "assessment and plan, withdraw this draft, and keep the plan as a draft again."
    )


def _objection(record: PlanRecord, actor: Actor) -> str:
    """Return why an approver cannot approve this proposal, empty when there is no such case."""
    if record.state is not State.PROPOSED or actor.name not in record.involved:
        return ""
    if not decide(actor, Action.APPROVE_PLAN, Resource("plan")).allowed:
        return ""
    return "You drafted, altered or proposed this plan, so another person must approve it."


def _people(record: PlanRecord, names: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    rows = (
        ("Drafted by", record.authors),
        ("Proposed by", (record.proposer,)),
        ("Approved by", (record.approver,)),
        ("Why without an equality statement", (record.no_equality_reason,)),
    )
    return tuple(
        (label, ", ".join(_called(name, names) for name in found if name))
        for label, found in rows
        if any(found)
    )


def _called(name: str, names: Mapping[str, str]) -> str:
    display = names.get(name, "")
    return f"{display} ({name})" if display and display.casefold() != name else name


def _papers(papers: Papers) -> tuple[str, str]:
    kept = [words for kind, words in PAPERS.items() if getattr(papers, kind)]
    missing = [words for kind, words in PAPERS.items() if not getattr(papers, kind)]
    return ", ".join(kept), ", ".join(missing)
