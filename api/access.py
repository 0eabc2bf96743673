"""Who may do what: one table of rules, one verdict with its reason, nothing else allowed.

Every endpoint declares the :class:`Action` it stands for. The gate (:mod:`api.gate`) asks
:func:`decide` before a body is read; an endpoint that declares nothing is refused. What is done
to a stored object is decided again where the object is known: the borough it lies in, its
handling code, and who had a hand in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from api import titles


class Role(StrEnum):
    """What an actor is. What a force calls each role is configuration (api/organisation.py)."""

    ANYONE = "anyone"
    ANALYST = "analyst"
    PLANNER = "planner"
    CHAIR = "chair"
    APPROVER = "approver"
    COMMANDER = "commander"
    BOROUGH = "borough"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class Action(StrEnum):
    """What a request sets out to do."""

    READ_HEALTH = "health.read"
    READ_METRICS = "metrics.read"
    READ_INTERFACE = "interface.read"
    READ_STATIC = "static.read"
    SIGN_IN = "session.open"
    SIGN_OUT = "session.close"
    CHANGE_PASSWORD = "account.password"  # noqa: S105  (the name of an action, no secret)
    READ_PAGE = "page.read"
    READ_ASSESSMENT = "assessment.read"
    MAKE_ASSESSMENT = "assessment.make"
    READ_INCIDENT = "incident.read"
    INGEST_FEED = "feed.ingest"
    READ_FEED = "feed.read"
    READ_REJECTED = "feed.rejected"
    READ_PLAN = "plan.read"
    MAKE_PLAN = "plan.make"
    ALTER_PLAN = "plan.alter"
    PROPOSE_PLAN = "plan.propose"
    APPROVE_PLAN = "plan.approve"
    REJECT_PLAN = "plan.reject"
    PUBLISH_PLAN = "plan.publish"
    WITHDRAW_PLAN = "plan.withdraw"
    FALL_BACK = "plan.fall_back"
    STUDY_PLAN = "plan.study"
    READ_BOROUGH = "borough.read"
    READ_FLEET = "fleet.read"
    KEEP_FLEET = "fleet.keep"
    READ_EVENT = "event.read"
    KEEP_EVENT = "event.keep"
    READ_ACTION = "action.read"
    KEEP_ACTION = "action.keep"
    READ_JOB = "job.read"
    STOP_JOB = "job.stop"
    READ_TASKING = "tasking.read"
    MAKE_ROSTER = "tasking.roster"
    PROPOSE_TASKING = "tasking.propose"
    AUTHORISE_TASKING = "tasking.authorise"
    READ_AUDIT = "audit.read"
    ANCHOR_AUDIT = "audit.anchor"
    MANAGE_USERS = "users.manage"
    MANAGE_KEYS = "keys.manage"
    READ_RULES = "rules.read"


#: The scope that opens material with handling code C.
HANDLING_C_SCOPE = "handling-c"
#: Proofs given by a person at the time, not by a program that keeps a secret.
PERSONAL_PROOFS = frozenset({"session", "oidc"})


@dataclass(frozen=True)
class Actor:
    """Who asks: a name for the record, the roles held, and how they proved it.

    Attributes
    ----------
    proof
        none | token | session | key | oidc
    boroughs
        Codes of the boroughs a borough user may see; nobody else needs any.
    scopes
        Extra scopes, for example :data:`HANDLING_C_SCOPE`.
    only
        The only actions an API key opens; ``None`` when it is not a key.
    must_change_password
        True until a one-time password has been replaced: nothing else is allowed before.
    """

    name: str
    roles: frozenset[Role]
    proof: str
    boroughs: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    only: frozenset[Action] | None = None
    must_change_password: bool = False

    @property
    def known(self) -> bool:
        """True when the actor has proved who they are."""
        return self.proof != "none"


ANONYMOUS = Actor("anonymous", frozenset({Role.ANYONE}), "none")


@dataclass(frozen=True)
class Resource:
    """What the action is done to: a kind, and the identifier where there is one.

    Attributes
    ----------
    borough
        Code of the borough the object lies in; empty when it spans boroughs.
    handling_code
        ``C`` when it rests on material with conditions on its handling.
    involved
        Names of those who drafted, altered or proposed it.
    """

    kind: str
    identifier: str = ""
    borough: str = ""
    handling_code: str = ""
    involved: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Decision:
    """The verdict and why, in words for the record and for the person refused."""

    allowed: bool
    reason: str


_KNOWN = frozenset(Role) - {Role.ANYONE}
_EVERYBODY = frozenset(Role)
_WHOLE_PICTURE = frozenset(
    {Role.ANALYST, Role.PLANNER, Role.CHAIR, Role.APPROVER, Role.COMMANDER, Role.AUDITOR}
)

_TABLE: tuple[tuple[Action, frozenset[Role], str], ...] = (
    (Action.READ_HEALTH, _EVERYBODY, "says only whether the service is up"),
    (
        Action.READ_METRICS,
        frozenset({Role.ADMINISTRATOR}),
        "counts of the service are for those who run it",
    ),
    (Action.READ_INTERFACE, _EVERYBODY, "describes the interface, never its data"),
    (Action.READ_STATIC, _EVERYBODY, "the style sheet and scripts hold no data"),
    (Action.SIGN_IN, _EVERYBODY, "the form is where proof is given"),
    (Action.SIGN_OUT, _KNOWN, "whoever signed in may leave"),
    (Action.CHANGE_PASSWORD, _KNOWN, "everyone keeps their own password"),
    (Action.READ_PAGE, _WHOLE_PICTURE, "the meeting works from the whole picture"),
    (Action.READ_ASSESSMENT, _WHOLE_PICTURE, "the meeting works from the whole picture"),
    (Action.MAKE_ASSESSMENT, frozenset({Role.ANALYST}), "analysts answer for the evidence"),
    (
        Action.READ_INCIDENT,
        frozenset({Role.ANALYST, Role.BOROUGH}),
        "records are for analysts, and for a borough its own",
    ),
    (Action.INGEST_FEED, frozenset({Role.ANALYST}), "analysts answer for the evidence"),
    (Action.READ_FEED, _WHOLE_PICTURE, "the meeting sees what evidence came, and how recent it is"),
    (Action.READ_REJECTED, frozenset({Role.ANALYST}), "refused rows hold what records said"),
    (Action.READ_PLAN, _WHOLE_PICTURE, "the meeting works from the whole picture"),
    (Action.MAKE_PLAN, frozenset({Role.PLANNER}), "planners draft"),
    (
        Action.ALTER_PLAN,
        frozenset({Role.PLANNER, Role.CHAIR}),
        "the meeting locks, suppresses, adds and overrides, with a reason",
    ),
    (
        Action.PROPOSE_PLAN,
        frozenset({Role.PLANNER, Role.CHAIR}),
        "the meeting proposes; another person approves",
    ),
    (Action.APPROVE_PLAN, frozenset({Role.APPROVER}), "a second person approves"),
    (Action.REJECT_PLAN, frozenset({Role.APPROVER}), "a second person may send it back"),
    (
        Action.PUBLISH_PLAN,
        frozenset({Role.CHAIR, Role.APPROVER}),
        "an approved plan is put in force by the chair or the approver",
    ),
    (
        Action.WITHDRAW_PLAN,
        frozenset({Role.CHAIR, Role.APPROVER, Role.COMMANDER}),
        "a plan that no longer holds is taken back by those who answer for it",
    ),
    (
        Action.FALL_BACK,
        frozenset({Role.CHAIR, Role.APPROVER, Role.COMMANDER}),
        "the last approved plan holds when none can be made",
    ),
    (
        Action.STUDY_PLAN,
        frozenset({Role.ANALYST, Role.PLANNER, Role.CHAIR, Role.APPROVER}),
        "whoever weighs a plan may have it simulated and compared",
    ),
    (
        Action.READ_BOROUGH,
        _WHOLE_PICTURE | {Role.BOROUGH},
        "a borough sees its own part of the picture",
    ),
    (Action.READ_FLEET, _WHOLE_PICTURE, "the meeting works from the whole picture"),
    (Action.KEEP_FLEET, frozenset({Role.PLANNER}), "planners answer for the fleet file"),
    (Action.READ_EVENT, _WHOLE_PICTURE, "the meeting works from the whole picture"),
    (
        Action.KEEP_EVENT,
        frozenset({Role.PLANNER, Role.CHAIR}),
        "the meeting keeps its calendar",
    ),
    (Action.READ_ACTION, _WHOLE_PICTURE, "the meeting works from the whole picture"),
    (
        Action.KEEP_ACTION,
        _WHOLE_PICTURE - {Role.AUDITOR},
        "those who meet answer for what they agreed",
    ),
    (Action.READ_JOB, _WHOLE_PICTURE, "the meeting sees what the service is working on"),
    (
        Action.STOP_JOB,
        frozenset({Role.ANALYST, Role.PLANNER, Role.CHAIR, Role.APPROVER}),
        "whoever may ask for the work may end it",
    ),
    (Action.READ_TASKING, _WHOLE_PICTURE, "the meeting works from the whole picture"),
    (
        Action.MAKE_ROSTER,
        frozenset({Role.PLANNER, Role.CHAIR}),
        "the meeting rosters the proactive unit",
    ),
    (
        Action.PROPOSE_TASKING,
        frozenset({Role.PLANNER, Role.CHAIR}),
        "tactics that need authority are proposed by the meeting",
    ),
    (
        Action.AUTHORISE_TASKING,
        frozenset({Role.COMMANDER}),
        "authority is the firearms commander's",
    ),
    (Action.READ_AUDIT, frozenset({Role.AUDITOR}), "auditors read the record"),
    (
        Action.ANCHOR_AUDIT,
        frozenset({Role.AUDITOR, Role.ADMINISTRATOR}),
        "the head of the record may be kept elsewhere",
    ),
    (Action.MANAGE_USERS, frozenset({Role.ADMINISTRATOR}), "administrators keep the accounts"),
    (Action.MANAGE_KEYS, frozenset({Role.ADMINISTRATOR}), "administrators keep the keys"),
    (Action.READ_RULES, _KNOWN, "everyone may know what they may do, and why not more"),
)

#: The roles that may do each action. An action that is not here is refused to everyone.
RULES: Mapping[Action, frozenset[Role]] = {action: roles for action, roles, _ in _TABLE}
#: Why each rule is as it is, in words for the person refused and for docs/access.md.
WHY: Mapping[Action, str] = {action: why for action, _, why in _TABLE}

#: Nobody does these to what they drafted, altered or proposed.
SEPARATED = frozenset({Action.APPROVE_PLAN, Action.AUTHORISE_TASKING})
#: These are done by a person at the time, never by a program with a kept secret.
PERSONAL = SEPARATED | {Action.REJECT_PLAN, Action.FALL_BACK, Action.CHANGE_PASSWORD}
#: Never with a key: one that leaked could make itself lasting by making other credentials.
KEYLESS = frozenset({Action.MANAGE_USERS, Action.MANAGE_KEYS})
#: All that is open before a one-time password has been replaced.
_FIRST_SIGN_IN = frozenset({Action.CHANGE_PASSWORD, Action.SIGN_OUT}) | {
    action for action, roles in RULES.items() if Role.ANYONE in roles
}


def decide(actor: Actor, action: Action | None, resource: Resource) -> Decision:
    """Return whether an actor may do an action to a resource, and why.

    Parameters
    ----------
    actor
        Who asks.
    action
        What they ask to do; ``None`` when the endpoint declares no action.
    resource
        What it would be done to.

    Returns
    -------
    Decision
        Refused unless a rule allows it and nothing about the object or the proof forbids it.
    """
    if action is None or action not in RULES:
        return Decision(False, f"no rule covers {resource.kind}, so it is refused to everyone")
    holders = RULES[action] & actor.roles
    if not holders:
        return _no_holder(actor, action)
    objection = (
        _objection_to_proof(actor, action)
        or _outside_borough(actor, action, holders, resource)
        or _handling(actor, action, resource)
        or _own_work(actor, action, resource)
    )
    if objection:
        return Decision(False, objection)
    who = ", ".join(sorted(holders))
    return Decision(True, f"{who} may {titles.ACTIONS[action]}: {WHY[action]}")


def own_boroughs(actor: Actor, action: Action) -> frozenset[str] | None:
    """Return the boroughs an actor is held to in an action, ``None`` for the whole picture."""
    return actor.boroughs if RULES[action] & actor.roles == {Role.BOROUGH} else None


def _no_holder(actor: Actor, action: Action) -> Decision:
    doing = titles.ACTIONS[action]
    if not actor.known:
        return Decision(False, f"to {doing} needs a token or a signed-in session")
    wanted = ", ".join(sorted(RULES[action])) or "nobody"
    return Decision(
        False, f"only {wanted} may {doing} ({WHY[action]}), and {actor.name} is not one"
    )


def _objection_to_proof(actor: Actor, action: Action) -> str:
    public, doing = Role.ANYONE in RULES[action], titles.ACTIONS[action]
    if actor.must_change_password and action not in _FIRST_SIGN_IN:
        return f"{actor.name} may {doing} only after replacing the one-time password"
    if actor.only is not None and action not in actor.only and not public:
        return f"to {doing} is not in the scope of this key"
    if action in PERSONAL and actor.proof not in PERSONAL_PROOFS:
        return f"to {doing} takes a person who signed in, not a {actor.proof}"
    if action in KEYLESS and actor.proof == "key":
        return f"to {doing} is never done with a key: one that leaked could make others"
    return ""


def _outside_borough(
    actor: Actor, action: Action, holders: frozenset[Role], resource: Resource
) -> str:
    if holders != {Role.BOROUGH} or action in _FIRST_SIGN_IN:
        return ""
    if resource.borough and resource.borough in actor.boroughs:
        return ""
    own = ", ".join(sorted(actor.boroughs)) or "none"
    return (
        f"{actor.name} sees only their own borough ({own}), and {resource.kind} is of "
        f"{resource.borough or 'more than one borough'}"
    )


def _handling(actor: Actor, action: Action, resource: Resource) -> str:
    if resource.handling_code != "C" or HANDLING_C_SCOPE in actor.scopes or not actor.known:
        return ""
    return (
        f"to {titles.ACTIONS[action]} here needs the scope {HANDLING_C_SCOPE}: {resource.kind} "
        f"rests on material with handling code C; the sanitised version is open to {actor.name}"
    )


def _own_work(actor: Actor, action: Action, resource: Resource) -> str:
    if action not in SEPARATED or actor.name not in resource.involved:
        return ""
    return (
        f"to {titles.ACTIONS[action]} needs a second person: {actor.name} drafted, altered or "
        f"proposed {resource.kind} {resource.identifier}".rstrip()
    )
