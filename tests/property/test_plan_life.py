"""The life of plans under random steps by random people: no rule is ever broken.

The machine proposes steps without knowing the rules; a step is either refused, and then nothing
changes, or allowed, and then the history must satisfy rules written here a second time.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from api.access import Actor, Role
from api.plans import life
from api.plans.life import Step
from api.plans.record import Alteration, PaperKind, Papers, PlanContent, PlanRecord, State
from api.refusals import (
    AccessDeniedError,
    PlanChangedError,
    PlanConflictError,
    PlanLifeRefusedError,
)

REFUSALS = (AccessDeniedError, PlanChangedError, PlanConflictError, PlanLifeRefusedError)
WEEKS = ("2026-W47", "2026-W48", "2026-W49")
STAFF = (Role.PLANNER, Role.CHAIR, Role.APPROVER, Role.COMMANDER, Role.ANALYST)
PEOPLE = [
    Actor(name, frozenset(roles), "session")
    for name, roles in {
        "ann": {Role.PLANNER},
        "bob": {Role.PLANNER, Role.APPROVER},
        "cyd": {Role.CHAIR, Role.APPROVER},
        "dee": {Role.APPROVER},
        "eve": set(STAFF),
        "fay": {Role.COMMANDER, Role.ANALYST},
    }.items()
]
GOOD = (("ARV-01", ("E09000001",)), ("ARV-02", ("E09000002", "E09000003")))
CONTENTS = [
    PlanContent("one", GOOD),
    PlanContent("two", (("ARV-01", ("E09000003",)), ("ARV-02", ("E09000002",)))),
    PlanContent("unit twice", (*GOOD, ("ARV-01", ("E09000004",)))),
    PlanContent("borough twice", (*GOOD, ("ARV-03", ("E09000001",)))),
    PlanContent("nobody", ()),
]
LOCK = Alteration("lock", "ARV-01 holds E09000001", "", "the inspector knows the estate")

Shelf = tuple[PlanRecord, ...]

people = st.sampled_from(PEOPLE)
weeks = st.sampled_from(WEEKS)
keys = st.integers(0, 4).map("p{}".format)
contents = st.sampled_from([*CONTENTS[:2] * 4, *CONTENTS[2:]])
reasons = st.sampled_from(["no car was left for it"] * 4 + ["", "y" * 2001, "because\x00of"])
ATTEMPTS: Counter[str] = Counter()
TAKEN: Counter[str] = Counter()


class Life(RuleBasedStateMachine):
    """Versions by week, and a log of what was done by whom to which version."""

    @initialize()
    def begin(self) -> None:
        self.shelves: dict[str, dict[str, PlanRecord]] = {week: {} for week in WEEKS}
        self.contents: dict[tuple[str, str, int], PlanContent] = {}
        self.log: list[tuple[str, str, int, Actor]] = []  # action, week/key, content, who

    def _take(self, week: str, actor: Actor, step: Step) -> None:
        shelf = self.shelves[week]
        for one in step.changed:
            old = shelf.get(one.key)
            assert one.version == (old.version + 1 if old else 1)
            if old is not None:
                assert set(one.authors) >= set(old.authors)
            shelf[one.key] = one
            kept = self.contents.setdefault((week, one.key, one.content_version), one.content)
            assert kept == one.content, "a content that was kept was altered"
        subject = step.subject
        TAKEN[str(step.action)] += 1
        name = f"{week}/{subject.key}"
        self.log.append((str(step.action), name, subject.content_version, actor))

    def _try(self, week: str, actor: Actor, what: str, *args: object, **more: object) -> None:
        plans = tuple(self.shelves[week].values())
        before = dict(self.shelves[week])
        ATTEMPTS[what] += 1
        try:
            step = getattr(life, what)(plans, *args, **more)
        except REFUSALS as refusal:
            assert "Remedy:" in str(refusal)
            assert self.shelves[week] == before
        else:
            self._take(week, actor, step)

    def _new_key(self, week: str) -> str:
        return f"p{len(self.shelves[week])}"

    @rule(week=weeks, actor=people, content=contents)
    def draft(self, week: str, actor: Actor, content: PlanContent) -> None:
        self._try(week, actor, "draft", self._new_key(week), week, content, actor)

    @rule(week=weeks, key=keys, actor=people, content=contents, reason=reasons)
    def alter(self, week: str, key: str, actor: Actor, content: PlanContent, reason: str) -> None:
        alteration = replace(LOCK, reason=reason)
        copy_key = self._new_key(week)
        self._try(week, actor, "alter", key, content, actor, [alteration], copy_key=copy_key)

    @rule(week=weeks, key=keys, actor=people, kind=st.sampled_from(
        ["verdict", "backtest_card", "equality_statement"]))  # fmt: skip
    def attach(self, week: str, key: str, actor: Actor, kind: str) -> None:
        self._try(week, actor, "attach", key, kind, "d" * 64, actor)

    @rule(
        week=weeks,
        chair=st.sampled_from(["bob", "cyd", "dee"]),
        end=st.sampled_from(["publish", "reject", "withdraw", "alter", "wait"]),
    )
    def a_meeting(self, week: str, chair: str, end: str) -> None:
        """Take a plan far along its life, which single random steps seldom do."""
        key = self._new_key(week)
        ann = PEOPLE[0]
        other = next(one for one in PEOPLE if one.name == chair)
        self._try(week, ann, "draft", key, week, CONTENTS[0], ann)
        for kind in ("verdict", "backtest_card"):
            self._try(week, ann, "attach", key, kind, "d" * 64, ann)
        self._try(week, ann, "propose", key, ann)
        if end == "reject":
            self._try(week, other, "reject", key, other, reason="too far to drive")
        self._try(week, other, "approve", key, other, no_equality_reason="none were given")
        if end == "alter":
            self._try(week, ann, "alter", key, CONTENTS[1], ann, [LOCK], copy_key="never")
        if end != "wait":
            self._try(week, other, "publish", key, other)
        if end == "withdraw":
            self._try(week, other, "withdraw", key, other, reason="the road is closed")

    @rule(week=weeks, key=keys, actor=people, version=st.none() | st.integers(1, 6))
    def propose(self, week: str, key: str, actor: Actor, version: int | None) -> None:
        self._try(week, actor, "propose", key, actor, version=version)

    @rule(week=weeks, key=keys, actor=people, reason=reasons)
    def approve(self, week: str, key: str, actor: Actor, reason: str) -> None:
        self._try(week, actor, "approve", key, actor, no_equality_reason=reason)

    @rule(week=weeks, key=keys, actor=people, reason=reasons)
    def reject(self, week: str, key: str, actor: Actor, reason: str) -> None:
        self._try(week, actor, "reject", key, actor, reason=reason)

    @rule(week=weeks, key=keys, actor=people)
    def publish(self, week: str, key: str, actor: Actor) -> None:
        self._try(week, actor, "publish", key, actor)

    @rule(week=weeks, key=keys, actor=people, reason=reasons)
    def withdraw(self, week: str, key: str, actor: Actor, reason: str) -> None:
        self._try(week, actor, "withdraw", key, actor, reason=reason)

    @rule(week=weeks, actor=people, reason=reasons)
    def fall_back(self, week: str, actor: Actor, reason: str) -> None:
        everything = [one for shelf in self.shelves.values() for one in shelf.values()]
        last = life.last_approved(everything, week)
        self._try(week, actor, "fall_back", self._new_key(week), week, last, actor, reason=reason)

    @invariant()
    def one_is_in_force_and_one_waits(self) -> None:
        for shelf in getattr(self, "shelves", {}).values():
            states = Counter(one.state for one in shelf.values())
            assert states[State.PUBLISHED] <= 1
            assert states[State.APPROVED] <= 1

    @invariant()
    def nobody_approved_their_own(self) -> None:
        for one in self._all():
            if one.approver:
                assert one.approver not in {*one.authors, one.proposer}
                assert one.approver not in {each.actor for each in one.alterations}
                assert one.papers.verdict
                assert one.papers.backtest_card
                assert one.papers.equality_statement or len(one.no_equality_reason) >= 3

    @invariant()
    def what_stands_was_proposed_and_approved_in_the_log(self) -> None:
        by_content: dict[tuple[str, str, int], Actor] = {}
        by_plan: dict[tuple[str, str], set[str]] = {}
        for action, name, content, actor in getattr(self, "log", []):
            by_content[action, name, content] = actor
            by_plan.setdefault((action, name), set()).add(actor.name)
        for one in self._all():
            if one.state not in {State.APPROVED, State.PUBLISHED, State.SUPERSEDED}:
                continue
            assert one.approver != one.proposer
            if one.fallback_of:
                continue
            name = f"{one.week}/{one.key}"
            assert by_content["plan.approve", name, one.content_version].name == one.approver
            assert by_content["plan.propose", name, one.content_version].name == one.proposer
            touched = by_plan.get(("plan.make", name), set()) | by_plan.get(
                ("plan.alter", name), set()
            )
            assert one.approver not in touched

    @invariant()
    def a_unit_has_one_area_and_a_borough_one_unit(self) -> None:
        for one in self._all():
            units = [unit for unit, _ in one.content.areas]
            codes = [code for _, area in one.content.areas for code in area]
            assert len(units) == len(set(units)) > 0
            assert len(codes) == len(set(codes))

    @invariant()
    def what_was_set_by_hand_has_an_actor_and_a_reason(self) -> None:
        for one in self._all():
            for each in one.alterations:
                assert each.actor in one.authors
                assert 3 <= len(each.reason) <= 2000

    def _all(self) -> list[PlanRecord]:
        return [one for shelf in getattr(self, "shelves", {}).values() for one in shelf.values()]


def test_ten_thousand_transitions_break_no_rule() -> None:
    ATTEMPTS.clear()
    TAKEN.clear()
    case = settings(
        max_examples=340,
        stateful_step_count=25,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Life, settings=case)
    assert sum(ATTEMPTS.values()) >= 10_000, ATTEMPTS
    for action in ("make", "alter", "propose", "approve", "reject", "publish", "withdraw"):
        assert TAKEN[f"plan.{action}"] >= 20, TAKEN
    assert TAKEN["plan.fall_back"] >= 10, TAKEN
    assert sum(TAKEN.values()) >= 3_000, TAKEN


ANN, BOB, DEE, CYD = PEOPLE[0], PEOPLE[1], PEOPLE[3], PEOPLE[2]


def drafted(
    actor: Actor = ANN, papers: tuple[PaperKind, ...] = ("verdict", "backtest_card")
) -> Shelf:
    shelf = life.draft((), "p0", WEEKS[0], CONTENTS[0], actor).changed
    for kind in papers:
        shelf = life.attach(shelf, "p0", kind, "d" * 64, actor).changed
    return shelf


def proposed(actor: Actor = ANN) -> Shelf:
    return life.propose(drafted(actor), "p0", actor).changed


def test_changing_an_approved_plan_voids_the_approval() -> None:
    approved = life.approve(
        proposed(), "p0", DEE, no_equality_reason="no characteristics were given to us"
    ).changed
    (made,) = life.alter(approved, "p0", CONTENTS[1], ANN, [LOCK], copy_key="p1").changed
    assert (made.key, made.state, made.content_version) == ("p0", State.DRAFT, 2)
    assert (made.proposer, made.approver, made.no_equality_reason) == ("", "", "")
    assert made.papers == Papers()
    with pytest.raises(PlanConflictError, match="draft"):
        life.publish((made,), "p0", CYD)


def test_changing_the_plan_in_force_leaves_it_in_force() -> None:
    shelf = life.approve(proposed(), "p0", DEE, no_equality_reason="none given").changed
    shelf = life.publish(shelf, "p0", CYD).changed
    (made,) = life.alter(shelf, "p0", CONTENTS[1], ANN, [LOCK], copy_key="p1").changed
    assert (made.key, made.state) == ("p1", State.DRAFT)
    assert shelf[0].state is State.PUBLISHED


def test_the_equality_impact_not_assessed_needs_a_reason() -> None:
    with pytest.raises(PlanLifeRefusedError, match="equality impact"):
        life.approve(proposed(), "p0", DEE)
    shelf = drafted(papers=("verdict", "backtest_card", "equality_statement"))
    shelf = life.propose(shelf, "p0", ANN).changed
    assert life.approve(shelf, "p0", DEE).subject.state is State.APPROVED


@pytest.mark.parametrize("missing", ["verdict", "backtest_card"])
def test_a_plan_is_not_approved_without_verdict_and_card(missing: str) -> None:
    kinds: tuple[PaperKind, ...] = ("verdict", "backtest_card", "equality_statement")
    shelf = drafted(papers=tuple(kind for kind in kinds if kind != missing))
    shelf = life.propose(shelf, "p0", ANN).changed
    with pytest.raises(PlanLifeRefusedError, match=missing.split("_", maxsplit=1)[0]):
        life.approve(shelf, "p0", DEE)


def test_a_paper_is_never_exchanged() -> None:
    with pytest.raises(PlanConflictError, match="already"):
        life.attach(drafted(), "p0", "verdict", "e" * 64, ANN)


def test_neither_author_nor_proposer_approves_whatever_their_roles() -> None:
    shelf = life.propose(drafted(BOB), "p0", CYD).changed
    for actor in (BOB, CYD):
        with pytest.raises(AccessDeniedError, match="second person"):
            life.approve(shelf, "p0", actor, no_equality_reason="none were given")


def test_a_stale_reader_is_told_that_it_changed() -> None:
    shelf = proposed()
    read = shelf[0].version
    shelf = life.attach(shelf, "p0", "equality_statement", "e" * 64, ANN).changed
    with pytest.raises(PlanChangedError, match="version"):
        life.approve(shelf, "p0", DEE, version=read)


def test_falling_back_needs_an_approved_plan_and_names_both_people() -> None:
    with pytest.raises(PlanConflictError, match="fall back"):
        life.fall_back((), "q0", WEEKS[1], None, CYD, reason="the solver is down")
    approved = life.approve(proposed(), "p0", DEE, no_equality_reason="none given").changed
    published = life.publish(approved, "p0", CYD).changed
    last = life.last_approved(published, WEEKS[1])
    step = life.fall_back((), "q0", WEEKS[1], last, CYD, reason="the solver is down")
    made = step.subject
    assert (made.week, made.state, made.fallback_of) == (WEEKS[1], State.PUBLISHED, "p0")
    assert (made.proposer, made.approver, step.reason) == ("ann", "dee", "the solver is down")
    assert made.content == published[0].content
    assert life.last_approved(published, "2026-W46") is None
