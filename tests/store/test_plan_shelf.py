"""Plans through their life in the record, on both databases, one at a time and many at once."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, text

from allocator.plan import BoroughCoverage, PatrolPlan, UnitPlacement, sealed
from api.access import Actor, Role
from api.audit.log import Record
from api.plans.record import Alteration, PlanRecord, State
from api.plans.shelf import PlanShelf
from api.problems import problem_of
from api.refusals import (
    AccessDeniedError,
    PlanChangedError,
    PlanConflictError,
    PlanLifeRefusedError,
)
from api.store.errors import RecordRefusedError, UnknownRecordError
from api.store.schema import audit, plan_transitions, plans
from api.store.store import Store
from tests.store.recording import recording, trail

WEEK, NEXT = "2026-W48", "2026-W49"
ANN = Actor("ann", frozenset({Role.PLANNER}), "session")
BOB = Actor("bob", frozenset({Role.PLANNER, Role.APPROVER}), "session")
CYD = Actor("cyd", frozenset({Role.CHAIR, Role.APPROVER}), "session")
LOCK = Alteration("lock", "ARV-01 holds E09000001", "", "the inspector knows the estate")
HOSTILE = "x'); DROP TABLE plans; --"


def plan(week: str = WEEK, *, turn: int = 0) -> PatrolPlan:
    codes = [f"E0900000{n}" for n in (1, 2, 3)]
    codes = codes[turn % 3 :] + codes[: turn % 3]
    areas = ((codes[0],), tuple(sorted(codes[1:])))
    units = tuple(
        UnitPlacement(f"ARV-0{n}", "CO19", area, (), (), 0.1, f"turn {turn}", None)
        for n, area in enumerate(areas, 1)
    )
    boroughs = tuple(BoroughCoverage(code, code, "ARV-01", 0.5) for code in sorted(codes))
    return sealed(
        PatrolPlan("", week, "optimal", 0.5, 0.5, 0.0, units, boroughs, {}, "ra-none", "")
    )


@pytest.fixture
def record(store: Store, tmp_path: Path) -> Record:
    return recording(store, tmp_path / "keys")


@pytest.fixture
def shelf(record: Record) -> PlanShelf:
    return PlanShelf(record)


def proposed(shelf: PlanShelf, week: str = WEEK, *, turn: int = 0) -> PlanRecord:
    made = shelf.draft(plan(week, turn=turn), ANN)
    shelf.attach(made.key, "verdict", {"weeks": 400}, ANN)
    shelf.attach(made.key, "backtest_card", {"hit_rate": 0.4}, ANN)
    return shelf.propose(made.key, ANN, reason="as the meeting agreed")


def published(shelf: PlanShelf, week: str = WEEK, *, turn: int = 0) -> PlanRecord:
    made = proposed(shelf, week, turn=turn)
    shelf.approve(made.key, CYD, no_equality_reason="no characteristics were given")
    return shelf.publish(made.key, CYD)


def test_a_plan_goes_its_way_and_every_step_is_kept(shelf: PlanShelf) -> None:
    first = published(shelf)
    second = published(shelf, turn=1)
    states = {one.key: one.state for one in shelf.plans(WEEK)}
    assert states == {first.key: State.SUPERSEDED, second.key: State.PUBLISHED}
    kept = shelf.plan(second.key)
    assert (kept.authors, kept.proposer, kept.approver) == (("ann",), "ann", "cyd")
    assert kept.no_equality_reason == "no characteristics were given"
    assert kept.papers.verdict
    assert kept.content == second.content
    assert shelf.content(second.key) == plan(turn=1)
    assert shelf.papers(second.key) == {
        "verdict": {"weeks": 400},
        "backtest_card": {"hit_rate": 0.4},
    }
    steps = [(who, what) for who, what, done, _ in trail(shelf.record) if done == "done"]
    assert steps[:6] == [
        ("ann", "plan.make"), ("ann", "plan.alter"), ("ann", "plan.alter"),
        ("ann", "plan.propose"), ("cyd", "plan.approve"), ("cyd", "plan.publish"),
    ]  # fmt: skip
    assert steps[-2:] == [("cyd", "plan.publish"), ("cyd", "plan.publish")]
    with shelf.record.store.read() as tx:
        moved = tx.execute(
            select(plan_transitions.c.from_state, plan_transitions.c.to_state)
            .where(plan_transitions.c.plan_key == first.key)
            .order_by(plan_transitions.c.version)
        ).all()
    assert [tuple(one) for one in moved] == [
        (None, "draft"), ("draft", "draft"), ("draft", "draft"), ("draft", "proposed"),
        ("proposed", "approved"), ("approved", "published"), ("published", "superseded"),
    ]  # fmt: skip


def test_altering_voids_the_approval_and_keeps_what_was_before(shelf: PlanShelf) -> None:
    made = proposed(shelf)
    shelf.approve(made.key, CYD, no_equality_reason="no characteristics were given")
    altered = shelf.alter(made.key, plan(turn=2), BOB, [LOCK])
    assert (altered.key, altered.state, altered.content_version) == (made.key, State.DRAFT, 2)
    kept = shelf.plan(made.key)
    assert (kept.proposer, kept.approver, kept.no_equality_reason) == ("", "", "")
    assert kept.authors == ("ann", "bob")
    assert kept.alterations == (replace(LOCK, actor="bob"),)
    assert not kept.papers.verdict
    with pytest.raises(PlanConflictError, match="draft"):
        shelf.publish(made.key, CYD)
    with pytest.raises(AccessDeniedError, match="second person"):
        for kind in ("verdict", "backtest_card"):
            shelf.attach(made.key, kind, {}, BOB)
        shelf.propose(made.key, ANN)
        shelf.approve(made.key, BOB, no_equality_reason="none were given")
    assert trail(shelf.record)[-1] == ("bob", "plan.approve", "denied", made.key)


def test_altering_the_plan_in_force_makes_a_draft_beside_it(shelf: PlanShelf) -> None:
    first = published(shelf)
    copy = shelf.alter(first.key, plan(turn=1), ANN, [LOCK])
    assert copy.key != first.key
    assert {one.state for one in shelf.plans(WEEK)} == {State.PUBLISHED, State.DRAFT}
    assert shelf.plan(first.key).content == first.content


def test_refused_steps_change_nothing(shelf: PlanShelf) -> None:
    made = shelf.draft(plan(), ANN)
    before = trail(shelf.record)
    refusals: list[tuple[type[Exception], Callable[[], object]]] = [
        (PlanConflictError, lambda: shelf.approve(made.key, CYD, no_equality_reason="why not")),
        (PlanConflictError, lambda: shelf.publish(made.key, CYD)),
        (PlanChangedError, lambda: shelf.propose(made.key, ANN, version=7)),
        (UnknownRecordError, lambda: shelf.propose(HOSTILE, ANN)),
        (PlanLifeRefusedError, lambda: shelf.withdraw(made.key, CYD, reason="")),
        (PlanLifeRefusedError, lambda: shelf.withdraw(made.key, CYD, reason="x" * 2001)),
        (PlanLifeRefusedError, lambda: shelf.alter(made.key, plan(), ANN, [])),
        (PlanConflictError, lambda: shelf.alter(made.key, plan(NEXT), ANN, [LOCK])),
        (PlanConflictError, lambda: shelf.fall_back(WEEK, CYD, reason="the solver is down")),
    ]
    for kind, step in refusals:
        with pytest.raises(kind, match="Remedy"):
            step()
    assert shelf.plans(WEEK) == (made,)
    assert trail(shelf.record) == before
    double = replace(plan(), units=plan().units + plan().units[:1])
    with pytest.raises(PlanLifeRefusedError, match="two primary areas"):
        shelf.draft(double, ANN)
    with pytest.raises(AccessDeniedError):
        shelf.draft(plan(), CYD)
    assert [one[2] for one in trail(shelf.record)[len(before) :]] == ["denied"]


def test_falling_back_works_without_assessment_or_solver(shelf: PlanShelf) -> None:
    first = published(shelf)
    made = shelf.fall_back(NEXT, CYD, reason="the feeds and the solver are down")
    assert (made.week, made.state, made.fallback_of) == (NEXT, State.PUBLISHED, first.key)
    kept = shelf.plan(made.key)
    assert kept.content == shelf.plan(first.key).content
    assert (kept.proposer, kept.approver, kept.authors) == ("ann", "cyd", ("ann",))
    assert kept.no_equality_reason == "no characteristics were given"
    assert shelf.papers(made.key) == shelf.papers(first.key)
    assert shelf.plan(first.key).state is State.PUBLISHED  # of its own week
    assert trail(shelf.record)[-1] == ("cyd", "plan.fall_back", "done", made.key)
    again = shelf.fall_back("2027-W01", CYD, reason="still down")
    assert again.fallback_of == first.key
    shelf.withdraw(first.key, CYD, reason="a wrong estate")
    with pytest.raises(PlanConflictError, match="no approved plan"):
        shelf.fall_back(WEEK, CYD, reason="down again")


def test_the_database_itself_knows_one_published_plan_and_two_people(shelf: PlanShelf) -> None:
    first = published(shelf)
    other = proposed(shelf, turn=1)
    for statement in (
        f"UPDATE plans SET state = 'published', approved_by = 'cyd', approved_utc = proposed_utc, "
        f"approved_content_version = 1, published_by = 'cyd', published_utc = proposed_utc "
        f"WHERE plan_key = '{other.key}'",
        f"UPDATE plans SET approved_by = proposed_by WHERE plan_key = '{first.key}'",
    ):
        with pytest.raises(RecordRefusedError), shelf.record.store.write() as tx:
            tx.execute(text(statement))


def together(count: int, work: Callable[[int], object]) -> list[object]:
    """Run work at once in threads and return what each came to, a refusal as itself."""
    outcomes: list[object] = [None] * count
    gate = threading.Barrier(count)

    def one(number: int) -> None:
        gate.wait()
        try:
            outcomes[number] = work(number)
        except Exception as fault:
            outcomes[number] = fault

    threads = [threading.Thread(target=one, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_of_32_approvals_of_competing_plans_at_once_exactly_one_wins(shelf: PlanShelf) -> None:
    competing = [proposed(shelf, turn=turn) for turn in range(8)]
    approvers = [Actor(f"approver-{n}", frozenset({Role.APPROVER}), "session") for n in range(32)]

    def approve(number: int) -> PlanRecord:
        chosen = competing[number % len(competing)]
        return shelf.approve(
            chosen.key, approvers[number], no_equality_reason="none were given",
            version=chosen.version,
        )  # fmt: skip

    outcomes = together(32, approve)
    won = [one for one in outcomes if isinstance(one, PlanRecord)]
    lost = [one for one in outcomes if isinstance(one, Exception)]
    assert len(won) == 1
    assert len(lost) == 31
    statuses = Counter(problem_of(one).status for one in lost)
    assert set(statuses) <= {409, 412}, lost
    states = Counter(one.state for one in shelf.plans(WEEK))
    assert states == {State.APPROVED: 1, State.PROPOSED: 7}
    approvals = [one for one in trail(shelf.record) if one[1:3] == ("plan.approve", "done")]
    assert len(approvals) == 1


def test_of_many_changes_of_one_plan_at_once_none_is_lost(shelf: PlanShelf) -> None:
    made = shelf.draft(plan(), ANN)
    outcomes = together(
        8, lambda turn: shelf.alter(made.key, plan(turn=turn), ANN, [LOCK], version=made.version)
    )
    assert sum(isinstance(one, PlanRecord) for one in outcomes) == 1
    assert sum(isinstance(one, PlanChangedError) for one in outcomes) == 7
    assert shelf.plan(made.key).content_version == 2


def test_random_steps_in_the_record_agree_with_the_rules(shelf: PlanShelf) -> None:
    rng = random.Random(7)
    people = [ANN, BOB, CYD, Actor("dee", frozenset({Role.APPROVER}), "session")]
    for _ in range(120):
        keys = [one.key for week in (WEEK, NEXT) for one in shelf.plans(week)][-6:] or ["none"]
        key, actor, turn = rng.choice(keys), rng.choice(people), rng.randrange(3)
        reason = rng.choice(["the road is closed", ""])
        steps: list[Callable[[], object]] = [
            lambda a=actor, t=turn: shelf.draft(plan(rng.choice([WEEK, NEXT]), turn=t), a),
            lambda k=key, a=actor, t=turn: shelf.alter(k, plan(turn=t), a, [LOCK]),
            lambda k=key, a=actor: shelf.attach(k, "verdict", {}, a),
            lambda k=key, a=actor: shelf.attach(k, "backtest_card", {}, a),
            lambda k=key, a=actor: shelf.propose(k, a),
            lambda k=key, a=actor: shelf.propose(k, a),
            lambda k=key, a=actor: shelf.approve(k, a, no_equality_reason="none were given"),
            lambda k=key, a=actor: shelf.approve(k, a, no_equality_reason="none were given"),
            lambda k=key, a=actor: shelf.publish(k, a),
            lambda k=key, a=actor, r=reason: shelf.reject(k, a, reason=r),
            lambda k=key, a=actor, r=reason: shelf.withdraw(k, a, reason=r),
            lambda a=actor, r=reason: shelf.fall_back(NEXT, a, reason=r),
        ]
        try:
            rng.choice(steps)()
        except (AccessDeniedError, PlanConflictError, PlanLifeRefusedError, UnknownRecordError):
            continue
    with shelf.record.store.read() as tx:
        rows = tx.execute(select(plans)).mappings().all()
        done = tx.execute(
            select(audit.c.actor, audit.c.object_id)
            .where(audit.c.action == "plan.approve", audit.c.outcome == "done")
        ).all()  # fmt: skip
    assert rows
    for row in rows:
        one = shelf.plan(row["plan_key"])
        assert one.approver not in one.involved or not one.approver
    for actor, key in done:
        assert actor not in shelf.plan(key).authors
    assert max(Counter(row["week"] for row in rows if row["state"] == "published").values()) == 1


def test_sql_in_every_text_is_inert(shelf: PlanShelf) -> None:
    hostile = Alteration("override", HOSTILE, "", HOSTILE)
    made = shelf.draft(plan(), replace(ANN, name=HOSTILE), [hostile])
    shelf.attach(made.key, "verdict", {HOSTILE: HOSTILE}, ANN)
    shelf.withdraw(made.key, CYD, reason=HOSTILE)
    kept = shelf.plan(made.key)
    assert kept.alterations[0].subject == HOSTILE
    assert kept.authors == (HOSTILE,)
    assert shelf.plans(HOSTILE) == ()
    trail(shelf.record)
