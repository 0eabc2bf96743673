"""A chair's first minute: what is in force, what changed against what, and whose step is next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from api.access import Actor, Role
from api.jobs.job import HowFar, Job, JobState
from api.pages.brief_view import NONE_IN_FORCE, area_changes, brief, steps_awaiting
from api.pages.work_view import work_details
from api.plans.record import PlanContent, PlanRecord, State
from tests.store.recording import START

NAMES = {"E09000012": "Hackney", "E09000022": "Lambeth", "E09000028": "Southwark"}
NOW = (("ARV-01", ("E09000022", "E09000012")), ("ARV-02", ("E09000028",)))
BEFORE = (("ARV-01", ("E09000012",)), ("ARV-02", ("E09000028",)), ("ARV-03", ("E09000022",)))
CHAIR = Actor("cyd", frozenset({Role.CHAIR, Role.APPROVER}), "session")
READER = Actor("eve", frozenset({Role.AUDITOR}), "session")


def record(state: State, areas: object = NOW, week: str = "2026-W48") -> PlanRecord:
    content = PlanContent("p-1", areas)  # type: ignore[arg-type]  # tuples as they are kept
    key = f"{week}-000000000001"
    return PlanRecord(key, week, content, ("ann",), state, proposer="ann", approver="bob")


def test_only_units_whose_set_of_boroughs_differs_are_named() -> None:
    found = {one.unit_id: (one.now, one.before) for one in area_changes(NOW, BEFORE, NAMES)}
    assert found == {
        "ARV-01": ("Hackney, Lambeth", "Hackney"),
        "ARV-03": ("no area", "Lambeth"),
    }
    swapped = (("ARV-01", ("E09000012", "E09000022")), NOW[1])
    assert area_changes(NOW, swapped, NAMES) == ()


def test_changes_are_counted_from_the_plan_in_force_or_else_from_the_week_before() -> None:
    last = record(State.SUPERSEDED, BEFORE, "2026-W47")
    rest = {"awaiting": (), "actor": CHAIR, "names": NAMES}
    told = brief((), NOW, last, **rest)  # type: ignore[arg-type]  # keywords of one call
    assert (told.in_force, told.compared) == (NONE_IN_FORCE, "the plan of week 2026-W47")
    assert (len(told.changes), told.may_fall_back) == (2, True)
    other = brief((record(State.PUBLISHED, BEFORE),), NOW, last, **rest)  # type: ignore[arg-type]  # as above
    assert other.compared == "the plan in force"
    assert other.in_force == "Another plan is in force, approved by bob."
    assert not other.may_fall_back
    assert brief((), NOW, None, **rest).changes == ()  # type: ignore[arg-type]  # as above
    read = brief((), NOW, last, awaiting=(), actor=READER, names=NAMES)
    assert not read.may_fall_back


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State.DRAFT, "Propose the plan of week 2026-W48"),
        (State.PROPOSED, "Approve the plan of week 2026-W48"),
        (State.APPROVED, "Publish the plan of week 2026-W48"),
        (State.PUBLISHED, None),
    ],
)
def test_the_next_step_awaits_whoever_may_take_it(state: State, words: str | None) -> None:
    plan = record(state)
    assert [one.words for one in steps_awaiting((plan,), CHAIR)] == ([words] if words else [])
    assert steps_awaiting((plan,), READER) == ()
    own = replace(plan, proposer="cyd")
    awaiting = [one.words for one in steps_awaiting((own,), CHAIR)]
    assert "Approve the plan of week 2026-W48" not in awaiting


@pytest.mark.parametrize(
    ("kind", "result", "address"),
    [
        ("placement", {"week": "2026-W48", "plan_id": "p"}, "/?week=2026-W48"),
        ("assessment", {"assessment_id": "a"}, "/"),
        ("roster", {"roster_id": "tpu-1"}, "/verano?roster=tpu-1"),
        ("simulation", {"key": "k", "study_id": "s"}, "/jobs/job-1/results"),
    ],
)
def test_work_that_is_done_leads_to_what_came_of_it(
    kind: str, result: dict[str, str], address: str
) -> None:
    job = Job(
        "job-1", kind, JobState.SUCCESSFUL, 3, {}, result, None, HowFar("Done", 1.0), "ann", 2,
        START, START, START, False,
    )  # fmt: skip
    shown = work_details(job, None, CHAIR)
    assert shown.result is not None
    assert shown.result[1] == address
    assert ("Begun how often", "2") in shown.times
    failed = replace(
        job,
        state=JobState.FAILED,
        result=None,
        problem={"detail": "The file is damaged. Remedy: send it again."},
    )
    said = work_details(failed, None, CHAIR)
    assert (said.result, said.may_stop) == (None, False)
    assert said.problem == "The file is damaged. What to do: send it again."
