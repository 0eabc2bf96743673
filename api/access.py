"""Who may do what: one table of rules, one verdict with its reason, nothing else allowed.

Every endpoint declares the :class:`Action` it stands for. The gate (:mod:`api.gate`) asks
:func:`decide` before a body is read; an endpoint that declares nothing is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What an actor is. More roles come with accounts."""

    ANYONE = "anyone"
    ADMINISTRATOR = "administrator"


class Action(StrEnum):
    """What a request sets out to do."""

    READ_HEALTH = "health.read"
    READ_INTERFACE = "interface.read"
    READ_STATIC = "static.read"
    SIGN_IN = "session.open"
    SIGN_OUT = "session.close"
    READ_PAGE = "page.read"
    READ_ASSESSMENT = "assessment.read"
    MAKE_ASSESSMENT = "assessment.make"
    READ_PLAN = "plan.read"
    MAKE_PLAN = "plan.make"


@dataclass(frozen=True)
class Actor:
    """Who asks: a name for the record, the roles held, and how they proved it."""

    name: str
    roles: frozenset[Role]
    proof: str  # none | token | session

    @property
    def known(self) -> bool:
        """True when the actor has proved who they are."""
        return self.proof != "none"


ANONYMOUS = Actor("anonymous", frozenset({Role.ANYONE}), "none")


@dataclass(frozen=True)
class Resource:
    """What the action is done to: a kind, and the identifier where there is one."""

    kind: str
    identifier: str = ""


@dataclass(frozen=True)
class Decision:
    """The verdict and why, in words for the record and for the person refused."""

    allowed: bool
    reason: str


_ADMINISTRATOR = frozenset({Role.ADMINISTRATOR})
_EVERYBODY = frozenset({Role.ANYONE, Role.ADMINISTRATOR})

#: The roles that may do each action. An action that is not here is refused to everyone.
RULES: Mapping[Action, frozenset[Role]] = {
    Action.READ_HEALTH: _EVERYBODY,
    Action.READ_INTERFACE: _EVERYBODY,  # the description of the interface, never its data
    Action.READ_STATIC: _EVERYBODY,
    Action.SIGN_IN: _EVERYBODY,
    Action.SIGN_OUT: _ADMINISTRATOR,
    Action.READ_PAGE: _ADMINISTRATOR,
    Action.READ_ASSESSMENT: _ADMINISTRATOR,
    Action.MAKE_ASSESSMENT: _ADMINISTRATOR,
    Action.READ_PLAN: _ADMINISTRATOR,
    Action.MAKE_PLAN: _ADMINISTRATOR,
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
        Refused unless a rule allows it.
    """
    if action is None or action not in RULES:
        return Decision(False, f"no rule covers {resource.kind}, so it is refused to everyone")
    holders = RULES[action] & actor.roles
    if holders:
        return Decision(True, f"{action} is allowed to {', '.join(sorted(holders))}")
    if not actor.known:
        return Decision(False, f"{action} needs a token or a signed-in session")
    wanted = ", ".join(sorted(RULES[action])) or "nobody"
    return Decision(False, f"{action} is allowed to {wanted}, and {actor.name} is not one")
