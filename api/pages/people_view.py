"""What the pages of people show: accounts, keys and the rules, in the words of the force."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from api import titles
from api.access import (
    PERSONAL,
    RULES,
    SEPARATED,
    WHY,
    Action,
    Actor,
    Decision,
    Resource,
    Role,
    decide,
)
from api.accounts.directory import User
from api.accounts.keys import KEY_ACTIONS, ApiKey
from api.organisation import Organisation
from api.pages.local_time import london_moment

NEVER = "never"


@dataclass(frozen=True)
class PersonRow:
    """An account as the pages show it.

    Attributes
    ----------
    titles, boroughs
        Roles and boroughs by the names people know them by.
    holds
        The roles, boroughs and scopes themselves, for the ticks of a form.
    """

    name: str
    display_name: str
    titles: str
    boroughs: str
    scopes: str
    state: str
    closed: bool
    last_seen: str
    version: int
    holds: frozenset[str]
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class KeyRow:
    """A key as the pages show it: everything but the secret."""

    key_id: str
    owner: str
    label: str
    opens: str
    made: str
    ends: str
    last_used: str
    state: str
    in_use: bool


@dataclass(frozen=True)
class RuleRow:
    """An action in words, who may do it, and whether the person may."""

    action: str
    why: str
    who: str
    conditions: str
    allowed: bool
    reason: str


def role_titles(organisation: Organisation) -> tuple[tuple[str, str], ...]:
    """Return every role an account can hold, with what the force calls it."""
    return tuple((str(role), organisation.roles[role]) for role in Role if role is not Role.ANYONE)


def person_row(user: User, organisation: Organisation, boroughs: Mapping[str, str]) -> PersonRow:
    """Return an account as the pages show it.

    Parameters
    ----------
    boroughs
        Names of boroughs by their codes.
    """
    state = _state(user)
    facts = [("Signs in as", user.name), ("State", state), ("Made", _moment(user.created))]
    facts.append(("Last signed in", _moment(user.last_seen)))
    if user.identity is not None:
        linked = f"{user.identity.subject} of {user.identity.issuer}"
        facts.append(("Linked identity", linked))
    if not user.active:
        facts += [("Closed", _moment(user.ended)), ("Why it was closed", user.ended_reason)]
    return PersonRow(
        name=user.name,
        display_name=user.display_name,
        titles=_titles(user.roles, organisation),
        boroughs=", ".join(boroughs.get(code, code) for code in sorted(user.boroughs)),
        scopes=", ".join(titles.SCOPES[one] for one in sorted(user.scopes)),
        state=state,
        closed=not user.active,
        last_seen=_moment(user.last_seen),
        version=user.version,
        holds=frozenset(map(str, user.roles)) | user.boroughs | user.scopes,
        facts=tuple(facts),
    )


def key_row(key: ApiKey, now: datetime) -> KeyRow:
    """Return a key as the pages show it at a moment."""
    if key.revoked is not None:
        state = f"ended on {london_moment(key.revoked)}"
    else:
        state = "expired" if now >= key.expires else "in use"
    return KeyRow(
        key_id=key.key_id,
        owner=key.owner,
        label=key.label,
        opens=_opens(key),
        made=london_moment(key.created),
        ends=london_moment(key.expires),
        last_used=_moment(key.last_used),
        state=state,
        in_use=state == "in use",
    )


def rule_rows(actor: Actor, organisation: Organisation) -> tuple[RuleRow, ...]:
    """Return every action that is not open to all, with the verdict on a person.

    A borough user is asked about their own borough, everybody else about the whole picture.
    """
    here = Resource("this", borough=min(actor.boroughs, default=""))
    rows = []
    for action in Action:
        if Role.ANYONE in RULES[action]:
            continue
        verdict = decide(actor, action, here)
        rows.append(
            RuleRow(
                action=_capital(titles.ACTIONS[action]),
                why=WHY[action],
                who=_titles(RULES[action], organisation),
                conditions=_conditions(action),
                allowed=verdict.allowed,
                reason=_why_not(actor, action, verdict),
            )
        )
    return tuple(rows)


def key_choices() -> tuple[tuple[str, str, str], ...]:
    """Return the actions a key is made for, each with its title and rule.

    What is open to all needs no key.
    """
    return tuple(
        (name, _capital(titles.ACTIONS[name]), WHY[Action(name)])
        for name in KEY_ACTIONS
        if Role.ANYONE not in RULES[Action(name)] and Action(name) is not Action.SIGN_OUT
    )


def _opens(key: ApiKey) -> str:
    named = [titles.ACTIONS[one] for one in key.actions]
    return _capital("; ".join((*named, *(titles.SCOPES[one] for one in key.scopes))))


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _why_not(actor: Actor, action: Action, verdict: Decision) -> str:
    if verdict.allowed:
        return ""
    return verdict.reason if RULES[action] & actor.roles else "You hold none of these roles."


def _conditions(action: Action) -> str:
    said = []
    if action in SEPARATED:
        said.append("never for one’s own draft or proposal")
    if action in PERSONAL:
        said.append("by a person who signed in, never by a program")
    return "; ".join(said)


def _titles(roles: Iterable[Role], organisation: Organisation) -> str:
    held = set(roles)
    return ", ".join(organisation.roles[role] for role in Role if role in held)


def _state(user: User) -> str:
    if not user.active:
        return "closed"
    if user.one_time_until is not None:
        return f"one-time password until {london_moment(user.one_time_until)}"
    return "open"


def _moment(at: datetime | None) -> str:
    return london_moment(at) if at is not None else NEVER
