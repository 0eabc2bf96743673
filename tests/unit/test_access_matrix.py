"""Role by action by object: every cell the code gives against a table written by hand.

The table below was written from the duties, not from the code: a letter stands for a role,
and the marks after an action say what about the object or the proof matters.
"""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import titles
from api.access import (
    ANONYMOUS,
    HANDLING_C_SCOPE,
    RULES,
    WHY,
    Action,
    Actor,
    Resource,
    Role,
    decide,
)

LETTERS = {
    "-": Role.ANYONE,
    "n": Role.ANALYST,
    "p": Role.PLANNER,
    "c": Role.CHAIR,
    "a": Role.APPROVER,
    "m": Role.COMMANDER,
    "b": Role.BOROUGH,
    "u": Role.AUDITOR,
    "x": Role.ADMINISTRATOR,
}

#: action: who may; "second" = never by somebody involved; "person" = never by key or token;
#: "nokey" = never by key.
DUTIES = """
health.read         -npcambux
metrics.read        x
interface.read      -npcambux
static.read         -npcambux
session.open        -npcambux
session.close       npcambux
account.password    npcambux    person
page.read           npcamu
assessment.read     npcamu
assessment.make     n
incident.read       nb
feed.ingest         n
feed.read           npcamu
feed.rejected       n
plan.read           npcamu
plan.make           p
plan.alter          pc
plan.propose        pc
plan.approve        a           second person
plan.reject         a           person
plan.publish        ca
plan.withdraw       cam
plan.fall_back      cam         person
plan.study          npca
borough.read        npcamub
fleet.read          npcamu
fleet.keep          p
event.read          npcamu
event.keep          pc
action.read         npcamu
action.keep         npcam
job.read            npcamu
job.stop            npca
tasking.read        npcamu
tasking.roster      pc
tasking.propose     pc
tasking.authorise   m           second person
audit.read          u
audit.anchor        ux
users.manage        x           nokey
keys.manage         x           nokey
rules.read          npcambux
"""
OPEN_TO_ALL = {"health.read", "interface.read", "static.read", "session.open"}
OPEN_TO_SIGNED_IN = {"session.close", "account.password"}

OWN, OTHER = "E09000012", "E09000033"
OBJECTS = {
    "spanning": Resource("thing"),
    "own borough": Resource("thing", borough=OWN),
    "other borough": Resource("thing", borough=OTHER),
    "own borough, code C": Resource("thing", borough=OWN, handling_code="C"),
    "code C": Resource("thing", handling_code="C"),
    "own work": Resource("thing", involved=frozenset({"me", "somebody"})),
    "work of others": Resource("thing", involved=frozenset({"somebody"})),
}
PROOFS = ("session", "oidc", "key", "token")


def table() -> dict[str, tuple[set[Role], set[str]]]:
    rows = {}
    for line in DUTIES.strip().splitlines():
        action, letters, *marks = line.split()
        rows[action] = ({LETTERS[letter] for letter in letters}, set(marks))
    return rows


def expected(role: Role, action: str, thing: str, proof: str, scoped: bool) -> bool:
    holders, marks = table()[action]
    if role not in holders:
        return False
    public = action in OPEN_TO_ALL
    if "code C" in thing and not scoped and role is not Role.ANYONE:
        return False
    needs_borough = role is Role.BOROUGH and not public and action not in OPEN_TO_SIGNED_IN
    if needs_borough and not thing.startswith("own borough"):
        return False
    if "second" in marks and thing == "own work":
        return False
    if "nokey" in marks and proof == "key":
        return False
    return not ("person" in marks and proof not in {"session", "oidc"})


CELLS = [
    pytest.param(role, action, id=f"{role} {action}")
    for role, action in itertools.product(Role, Action)
]


def test_the_table_names_every_action_once_and_every_rule_says_why() -> None:
    assert set(table()) == {str(action) for action in Action} == {str(one) for one in RULES}
    assert len(DUTIES.strip().splitlines()) == len(Action)
    assert all(WHY[action] for action in Action)


@pytest.mark.parametrize(("role", "action"), CELLS)
def test_every_cell(role: Role, action: Action) -> None:
    for (thing, resource), proof, scoped in itertools.product(
        OBJECTS.items(), PROOFS, (False, True)
    ):
        actor = Actor(
            "me",
            frozenset({role}),
            "none" if role is Role.ANYONE else proof,
            boroughs=frozenset({OWN}),
            scopes=frozenset({HANDLING_C_SCOPE} if scoped else ()),
        )
        verdict = decide(actor, action, resource)
        assert verdict.allowed is expected(role, action, thing, actor.proof, scoped), (
            thing,
            proof,
            scoped,
            verdict,
        )
        assert titles.ACTIONS[action] in verdict.reason or actor.name in verdict.reason


def test_every_action_has_words_of_its_own() -> None:
    assert set(titles.ACTIONS) == set(map(str, Action))
    assert len(set(titles.ACTIONS.values())) == len(Action)


def test_an_action_without_a_rule_is_refused_to_every_role() -> None:
    everything = Actor("me", frozenset(Role), "session")
    assert not decide(everything, None, Resource("thing")).allowed
    assert "no rule" in decide(everything, None, Resource("thing")).reason


@given(roles=st.sets(st.sampled_from(Role)), action=st.sampled_from(Action))
def test_more_roles_never_close_what_one_of_them_opens(roles: set[Role], action: Action) -> None:
    thing = Resource("thing", borough=OTHER)
    alone = any(
        decide(Actor("me", frozenset({role}), "session"), action, thing).allowed for role in roles
    )
    together = decide(Actor("me", frozenset(roles), "session"), action, thing).allowed
    assert together is alone


@given(action=st.sampled_from(Action), scope=st.sets(st.sampled_from(Action)))
def test_a_key_opens_only_what_its_scope_names(action: Action, scope: set[Action]) -> None:
    key = Actor("me", frozenset(Role) - {Role.ANYONE}, "key", only=frozenset(scope))
    if decide(key, action, Resource("thing")).allowed:
        assert action in scope or str(action) in OPEN_TO_ALL
    elif action in scope:
        assert {"person", "nokey"} & table()[str(action)][1]


def test_a_one_time_password_opens_nothing_but_its_replacement() -> None:
    fresh = Actor("me", frozenset(Role), "session", must_change_password=True)
    opened = {str(one) for one in Action if decide(fresh, one, Resource("thing")).allowed}
    assert opened == OPEN_TO_ALL | OPEN_TO_SIGNED_IN


def test_a_stranger_gets_the_public_things_only() -> None:
    opened = {str(one) for one in Action if decide(ANONYMOUS, one, Resource("thing")).allowed}
    assert opened == OPEN_TO_ALL
