"""Fleets, events, decisions, actions, taskings and activity: what is kept and how it changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from allocator.errors import FleetRefusedError
from api.store.actions import (
    Action,
    add_action,
    close_action,
    find_action,
    latest_ended,
    list_actions,
    move_action,
)
from api.store.activity import Activity, list_activity, record_activity
from api.store.check import check_store
from api.store.decisions import Decision, list_decisions, record_decision
from api.store.errors import RecordRefusedError, StaleRecordError, UnknownRecordError
from api.store.events import Event, add_event, cancel_event, find_event, list_events
from api.store.fleets import fleet_versions, keep_fleet, list_fleets, read_fleet
from api.store.incidents import readings
from api.store.rosters import find_roster, list_rosters, roster_in_force
from api.store.schema import plans
from api.store.store import Store
from api.store.taskings import (
    Tasking,
    add_tasking,
    cancel_tasking,
    decide_authority,
    find_tasking,
    keep_roster,
    list_taskings,
)
from tests.store.rows import ROWS

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
DAY = NOW.date()
HOSTILE = "'); DROP TABLE plans;-- \" \\ \u202e <script>"
DECISION = Decision(
    "D1", "weekly_arv_tasking", DAY, "plan", "P1", "Agreed as proposed", "Demand in the east",
    "chair", NOW, "planner", week="2026-W48",
)  # fmt: skip
ACTION = Action(
    "A1", "verano", DAY, "Ask Enfield for its impact assessment", "borough commander",
    DAY + timedelta(days=7), NOW, "planner",
)  # fmt: skip
EVENT = Event(
    "E1", "Football at Wembley", "sport", NOW, NOW + timedelta(hours=5), ("E09000005",), NOW,
    "planner", 519_000.5, 185_000.25,
)  # fmt: skip
TASKING = Tasking("T1", "A", DAY, "E09000012", NOW, "chair", issue="Threats on the estate")
PLAN = ROWS["plans"]
ACTIVITY = Activity(
    "V1", "arv", "ARV-01", NOW, NOW + timedelta(hours=2), "E09000012", "patrol_activity", 1, NOW,
    "planner",
)  # fmt: skip


def test_a_fleet_changes_by_versions(store: Store, repository: Path) -> None:
    first = (repository / "examples/fleet.toml").read_text("utf-8")
    second = first + "\n# one comment more\n"
    with store.write() as tx:
        kept = keep_fleet(tx, "example", first, actor="planner", now=NOW)
        assert keep_fleet(tx, "example", first, actor="another", now=NOW) == kept
        later = keep_fleet(tx, "example", second, actor="planner", now=NOW, reason="a remark")
        assert (kept.version, later.version) == (1, 2)
        assert list_fleets(tx) == [later]
        other = keep_fleet(tx, "another", first, actor="planner", now=NOW)
        assert list_fleets(tx) == [other, later]
        assert read_fleet(tx, "example", 1).toml == first
        assert fleet_versions(tx, "example") == [later, kept]
        assert check_store(tx) == []
    with pytest.raises(FleetRefusedError), store.write() as tx:
        keep_fleet(tx, "example", "turnout_s = 1", actor="planner", now=NOW)
    for name, version in (("other", None), ("example", 3)):
        with pytest.raises(UnknownRecordError), store.read() as tx:
            read_fleet(tx, name, version)


def test_a_decision_is_replaced_and_never_altered(store: Store) -> None:
    second = replace(
        DECISION, decision_id="D2", decision="Two units moved", replaces="D1",
        decided=NOW + timedelta(hours=1),
    )  # fmt: skip
    with store.write() as tx:
        record_decision(tx, DECISION)
        record_decision(tx, second)
        assert list_decisions(tx, week="2026-W48") == [DECISION, second]
        assert list_decisions(tx, subject=("plan", "P1"), standing=True) == [second]
        assert list_decisions(tx, subject=("plan", HOSTILE)) == []
    faults = [
        (StaleRecordError, replace(second, decision_id="D3")),
        (UnknownRecordError, replace(second, decision_id="D3", replaces="D404")),
        (RecordRefusedError, replace(DECISION, decision_id="D3", reason=" ")),
        (RecordRefusedError, replace(DECISION, decision_id="D3", reason="x" * 2_001)),
        (RecordRefusedError, DECISION),
    ]
    for kind, one in faults:
        with pytest.raises(kind), store.write() as tx:
            record_decision(tx, one)


def test_an_action_has_an_owner_a_day_and_an_end(store: Store) -> None:
    with store.write() as tx:
        add_action(tx, ACTION)
        assert list_actions(tx, state="open", due_by=DAY) == []
        moved = move_action(tx, "A1", 1, owner="planner", due_on=DAY + timedelta(days=2))
        assert (moved.owner, moved.version) == ("planner", 2)
        assert list_actions(tx, state="open", due_by=DAY + timedelta(days=2)) == [moved]
    ending = {"outcome": "Received and filed", "actor": "planner", "now": NOW}
    with pytest.raises(StaleRecordError, match="since version 1"), store.write() as tx:
        close_action(tx, "A1", 1, "done", **ending)
    with store.write() as tx:
        done = close_action(tx, "A1", 2, "done", **ending)
        assert (done.state, done.closed, done.outcome) == ("done", NOW, "Received and filed")
        assert list_actions(tx, state="open") == []
    for change in (
        lambda tx: close_action(tx, "A1", 3, "cancelled", **ending),
        lambda tx: move_action(tx, "A1", 3, owner="x", due_on=DAY),
    ):
        with pytest.raises(StaleRecordError, match="done"), store.write() as tx:
            change(tx)
    with pytest.raises(RecordRefusedError, match="before the meeting"), store.write() as tx:
        add_action(tx, replace(ACTION, action_id="A2", due_on=DAY - timedelta(days=1)))
    with pytest.raises(UnknownRecordError), store.read() as tx:
        find_action(tx, HOSTILE)


def test_actions_come_a_page_at_a_time_by_owner_and_plan(store: Store) -> None:
    days = [2, 0, 0, 1]
    made = [
        replace(ACTION, action_id=f"A{n}", due_on=DAY + timedelta(days=day), owner=f"post {n % 2}")
        for n, day in enumerate(days)
    ]
    with store.write() as tx:
        tx.execute(plans.insert().values(**PLAN))
        made[3] = replace(made[3], plan_key=str(PLAN["plan_key"]))
        for one in made:
            add_action(tx, one)
        wanted = sorted(made, key=lambda one: (one.due_on, one.action_id))
        found: list[Action] = []
        while page := list_actions(
            tx, limit=1, after=(found[-1].due_on, found[-1].action_id) if found else None
        ):
            found += page
        assert found == wanted
        assert list_actions(tx, owner="post 1") == [one for one in wanted if one.owner == "post 1"]
        assert list_actions(tx, plan_key=str(PLAN["plan_key"])) == [made[3]]
    with pytest.raises(UnknownRecordError, match="no plan"), store.write() as tx:
        add_action(tx, replace(ACTION, action_id="A9", plan_key=HOSTILE))


def test_the_actions_that_ended_last_come_first_whenever_they_were_due(store: Store) -> None:
    due_late = replace(ACTION, action_id="A2", due_on=DAY + timedelta(days=90))
    with store.write() as tx:
        for one in (ACTION, due_late, replace(ACTION, action_id="A3")):
            add_action(tx, one)
        for after, (name, state) in enumerate((("A2", "cancelled"), ("A1", "done"))):
            moment = NOW + timedelta(days=after)
            close_action(tx, name, 1, state, outcome="Over", actor="planner", now=moment)
        assert [one.action_id for one in latest_ended(tx, 5)] == ["A1", "A2"]
        assert [one.action_id for one in latest_ended(tx, 1)] == ["A1"]


def test_events_come_a_page_at_a_time_with_their_effect(store: Store) -> None:
    effect = {"extra_share": 0.5, "boroughs": ["E09000005"], "units": []}
    made = [replace(EVENT, event_id=f"E{n}", effect=effect if n else None) for n in range(3)]
    made.append(replace(EVENT, event_id="E0b", starts=NOW - timedelta(hours=3)))
    with store.write() as tx:
        for one in made:
            add_event(tx, one)
        wanted = sorted(made, key=lambda one: (one.starts, one.event_id))
        found: list[Event] = []
        while page := list_events(
            tx, limit=1, after=(found[-1].starts, found[-1].event_id) if found else None
        ):
            found += page
        assert found == wanted
        cancel_event(tx, "E1", 1, reason="Postponed", now=NOW)
        assert find_event(tx, "E1").cancelled_reason == "Postponed"
    with pytest.raises(StaleRecordError, match="already"), store.write() as tx:
        cancel_event(tx, "E1", 2, reason="Again", now=NOW)


def test_events_are_found_by_the_time_they_touch(store: Store) -> None:
    other = replace(EVENT, event_id="E2", title=HOSTILE, x_m=None, y_m=None, remark="no place")
    with store.write() as tx:
        add_event(tx, EVENT)
        add_event(tx, other)
        hour = timedelta(hours=1)
        assert list_events(tx, starts=NOW - hour, ends=NOW) == []
        assert list_events(tx, starts=EVENT.ends, ends=EVENT.ends + hour) == []
        assert list_events(tx, starts=NOW, ends=NOW + hour) == [EVENT, other]
        cancel_event(tx, "E1", 1, reason="Postponed", now=NOW)
        assert list_events(tx, starts=NOW, ends=NOW + hour) == [other]
        [gone, _] = list_events(tx, starts=NOW, ends=NOW + hour, cancelled=True)
        assert (gone.cancelled_reason, gone.version) == ("Postponed", 2)
    with pytest.raises(StaleRecordError), store.write() as tx:
        cancel_event(tx, "E1", 1, reason="again", now=NOW)
    with pytest.raises(UnknownRecordError), store.write() as tx:
        cancel_event(tx, "E404", 1, reason="x", now=NOW)
    for wrong in (replace(EVENT, ends=NOW - hour), replace(EVENT, y_m=None)):
        with pytest.raises(RecordRefusedError), store.write() as tx:
            add_event(tx, replace(wrong, event_id="E3"))


def test_a_set_piece_waits_for_authority(store: Store) -> None:
    with store.write() as tx:
        for _ in range(2):
            keep_roster(tx, "R1", {"days": [1, 2]}, (DAY, DAY), actor="planner", now=NOW)
        add_tasking(tx, replace(TASKING, roster_id="R1"))
        add_tasking(
            tx,
            replace(TASKING, tasking_id="T2", team="B", tactic="tactic_2", authority="authorised",
                    authority_reference="made up"),
        )  # fmt: skip
        proposed = find_tasking(tx, "T2")
        assert (proposed.authority, proposed.authority_reference) == ("proposed", "")
        given = decide_authority(tx, "T2", 1, "authorised", reference="FA1 2026/118")
        assert (given.authority, given.authority_reference) == ("authorised", "FA1 2026/118")
        assert [one.tasking_id for one in list_taskings(tx, first_day=DAY, last_day=DAY)] == [
            "T1", "T2",
        ]  # fmt: skip
        assert check_store(tx) == []
    for tasking in ("T1", "T2"):
        with pytest.raises(StaleRecordError, match="proposed"), store.write() as tx:
            decide_authority(tx, tasking, 1, "refused", reference="x")
    with pytest.raises(RecordRefusedError, match="already"), store.write() as tx:
        add_tasking(tx, replace(TASKING, tasking_id="T3"))
    with store.write() as tx:
        gone = cancel_tasking(tx, "T1", 1, reason="No longer needed", now=NOW)
        assert gone.cancelled_reason == "No longer needed"
        add_tasking(tx, replace(TASKING, tasking_id="T3"))
        assert len(list_taskings(tx, first_day=DAY, last_day=DAY)) == 2
    with pytest.raises(StaleRecordError), store.write() as tx:
        cancel_tasking(tx, "T3", 7, reason="x", now=NOW)


def test_rosters_are_listed_by_day_and_the_one_in_force_is_found(store: Store) -> None:
    week, day = timedelta(days=6), timedelta(days=1)
    with store.write() as tx:
        for number, made in enumerate(("R1", "R2", "R3")):
            days = (DAY + number * day, DAY + number * day + week)
            now = NOW + timedelta(hours=number)
            keep_roster(tx, made, {"is": made}, days, actor="planner", now=now)
        assert roster_in_force(tx, DAY + day, DAY + 2 * day) is None  # nothing is tasked yet
        for number, made in enumerate(("R1", "R2")):
            one = replace(TASKING, tasking_id=f"T{number}", day=DAY + number * day, roster_id=made)
            add_tasking(tx, one)
        found = [
            roster_in_force(tx, DAY + first * day, DAY + last * day)
            for first, last in ((0, 1), (1, 2), (6, 7), (7, 8))
        ]
        assert [one.roster_id if one else None for one in found] == ["R1", "R2", "R2", None]
        cancel_tasking(tx, "T1", 1, reason="not needed", now=NOW)
        again = roster_in_force(tx, DAY + day, DAY + 2 * day)
        assert again is not None and again.roster_id == "R1"
        page = list_rosters(tx, first_day=DAY, limit=2)
        assert [one.roster_id for one in page] == ["R3", "R2"]
        rest = list_rosters(tx, first_day=DAY, limit=2, before=(page[1].first_day, "R2"))
        assert rest == [find_roster(tx, "R1")]
        assert list_rosters(tx, first_day=DAY + 8 * day, limit=2) == page[:1]
        with pytest.raises(UnknownRecordError):
            find_roster(tx, "R404")


def test_activity_is_recorded_and_never_becomes_evidence(store: Store) -> None:
    other = replace(ACTIVITY, activity_id="V2", borough_code="E09000033", number=0)
    with store.write() as tx:
        record_activity(tx, ACTIVITY)
        record_activity(tx, other)
        span = {"started": NOW, "ended": NOW + timedelta(seconds=1)}
        assert list_activity(tx, **span) == [ACTIVITY, other]
        assert list_activity(tx, **span, borough_code="E09000012") == [ACTIVITY]
        assert list_activity(tx, started=NOW - timedelta(days=1), ended=NOW) == []
        assert readings(tx) == ()
    for wrong in (replace(ACTIVITY, number=-1), replace(ACTIVITY, ended=NOW - timedelta(1))):
        with pytest.raises(RecordRefusedError), store.write() as tx:
            record_activity(tx, replace(wrong, activity_id="V3"))


def test_hostile_text_is_only_text(store: Store) -> None:
    with store.write() as tx:
        record_decision(tx, replace(DECISION, decision=HOSTILE, reason=HOSTILE, subject_id=HOSTILE))
        add_action(tx, replace(ACTION, task=HOSTILE, owner=HOSTILE))
        add_tasking(tx, replace(TASKING, issue=HOSTILE, team=HOSTILE))
    with store.read() as tx:
        [decision] = list_decisions(tx, subject=("plan", HOSTILE))
        assert (decision.decision, decision.reason) == (HOSTILE, HOSTILE)
        assert find_action(tx, "A1").task == HOSTILE
        assert find_tasking(tx, "T1").team == HOSTILE
