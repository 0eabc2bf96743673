"""The schema on both databases: values come back as given, and its rules hold."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from api.store import schema, schema_version
from api.store.errors import RecordRefusedError
from api.store.store import Store
from api.store.types import canonical_text
from tests.store.rows import AT, ROWS, SHA, fill, held

OWN_OF_POSTGIS = {"spatial_ref_sys"}


def test_every_table_gives_back_what_it_was_given(store: Store) -> None:
    assert set(ROWS) == set(schema.metadata.tables)
    with store.write() as tx:
        fill(tx)
    with store.read() as tx:
        assert held(tx) == ROWS


def test_the_migrations_make_exactly_the_schema_of_the_program(store: Store) -> None:
    with store.read() as tx, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Did not recognize type 'geometry'")
        context = MigrationContext.configure(tx, opts={"compare_type": False})
        differences = compare_metadata(context, schema.metadata)
    spatial = {"ix_areas_geom", "ix_events_geom", "ix_incidents_geom"}
    left = [
        one
        for one in differences
        if not (one[0] == "remove_table" and one[1].name in OWN_OF_POSTGIS)
        and not (store.kind == "sqlite" and one[0] == "add_index" and one[1].name in spatial)
    ]
    assert left == []


def _checks(store: Store) -> dict[str, int]:
    """Count the CHECK rules of every table as the database has them."""
    with store.read() as tx:
        if store.kind == "postgresql":
            rows = tx.execute(
                text(
                    "SELECT c.relname, count(*) FROM pg_constraint k JOIN pg_class c "
                    "ON c.oid = k.conrelid WHERE k.contype = 'c' GROUP BY 1"
                )
            )
            return {name: number for name, number in rows if name in schema.metadata.tables}
        rows = tx.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
        return {name: sql.count("CHECK (") for name, sql in rows if name in schema.metadata.tables}


def test_no_rule_is_lost_between_program_and_database(store: Store) -> None:
    kinds = {
        name: sum(type(one).__name__ == "CheckConstraint" for one in table.constraints)
        for name, table in schema.metadata.tables.items()
    }
    assert _checks(store) == {name: number for name, number in kinds.items() if number}


def insert(store: Store, name: str, **changes: Any) -> None:
    with store.write() as tx:
        tx.execute(schema.metadata.tables[name].insert().values(**(ROWS[name] | changes)))


WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "unknown state": ("plans", {"plan_key": "P2", "state": "agreed"}),
    "a week that is none": ("plans", {"plan_key": "P2", "week": "2026-48"}),
    "published without approval": (
        "plans", {"plan_key": "P2", "state": "published", "proposed_by": "planner",
                  "published_by": "planner", "published_utc": AT},
    ),
    "approved by the proposer": (
        "plans", {"plan_key": "P2", "state": "approved", "proposed_by": "planner",
                  "approved_by": "planner", "approved_utc": AT, "approved_content_version": 1},
    ),
    "approval of another version": (
        "plans", {"plan_key": "P2", "state": "approved", "proposed_by": "planner",
                  "approved_by": "chair", "approved_utc": AT, "approved_content_version": 2},
    ),
    "a plan of an unknown assessment": (
        "plan_versions", {"content_version": 2, "assessment_id": "A404"},
    ),
    "a second primary unit in a borough": ("plan_areas", {"unit_id": "ARV-02"}),
    "an oversized reason": (
        "plan_adjustments", {"reason": "x" * (schema.LONGEST_REASON + 1)},
    ),
    "no reason": ("plan_adjustments", {"reason": ""}),
    "activity said to be reported": ("activity", {"activity_id": "AV2", "basis": "reported"}),
    "a set piece without authority": (
        "tpu_taskings", {"tasking_id": "TT2", "tactic": "tactic_2"},
    ),
    "authority without its reference": (
        "tpu_taskings", {"tasking_id": "TT2", "tactic": "tactic_2", "authority": "authorised"},
    ),
    "an action closed without an outcome": (
        "actions", {"action_id": "AC2", "state": "done", "closed_utc": AT, "closed_by": "chair"},
    ),
    "an incident nowhere": (
        "incidents", {"incident_id": 2, "record_id": "R2", "x_m": None, "y_m": None, "geom": None},
    ),
    "the same version twice": ("incidents", {"incident_id": 2}),
    "a short digest": ("feeds", {"feed_id": ""}),
    "more merged rows than rows": ("receipts", {"receipt_id": "c" * 64, "n_merged": 2}),
    "an audit row on a taken position": ("audit", {"row_sha256": SHA}),
    "a key that ends before it begins": (
        "api_keys", {"key_id": "arv_2", "key_sha256": "c" * 64, "expires_utc": AT},
    ),
    "two users of one name": ("users", {"user_id": "U2"}),
}  # fmt: skip


def test_what_breaks_a_rule_is_refused_and_undone(store: Store) -> None:
    with store.write() as tx:
        fill(tx)
    for what, (table, changes) in WRONG.items():
        with pytest.raises(RecordRefusedError, match="nothing was changed"):
            insert(store, table, **changes)
            pytest.fail(what)
    with store.read() as tx:
        assert held(tx) == ROWS


def test_a_week_has_one_published_plan(store: Store) -> None:
    published = {
        "state": "published", "proposed_by": "planner", "approved_by": "chair",
        "approved_utc": AT, "approved_content_version": 1, "published_by": "chair",
        "published_utc": AT,
    }  # fmt: skip
    insert(store, "plans", **published)
    insert(store, "plans", plan_key="P2", week="2026-W49", **published)
    insert(store, "plans", plan_key="P3", **(published | {"state": "superseded"}))
    with pytest.raises(RecordRefusedError):
        insert(store, "plans", plan_key="P4", **published)


def test_what_was_written_is_never_altered(store: Store) -> None:
    with store.write() as tx:
        fill(tx)
    for name in (*schema.APPEND_ONLY, *schema.IMMUTABLE):
        column = next(iter(ROWS[name]))
        with pytest.raises(RecordRefusedError, match="never altered"), store.write() as tx:
            tx.exec_driver_sql(f"UPDATE {name} SET {column} = {column}")
    deletions = ["DELETE FROM {}"] + ["TRUNCATE {}"] * (store.kind == "postgresql")
    deletions += ["INSERT OR REPLACE INTO {0} SELECT * FROM {0}"] * (store.kind == "sqlite")
    for name in schema.APPEND_ONLY:
        for statement in deletions:
            with pytest.raises(RecordRefusedError, match="never altered"), store.write() as tx:
                tx.exec_driver_sql(statement.format(name))
    with store.read() as tx:
        assert held(tx) == ROWS


def test_readers_cannot_write(store: Store) -> None:
    with (
        pytest.raises(Exception, match=r"readonly|read-only|cannot be written"),
        store.read() as tx,
    ):
        tx.execute(schema.feeds.insert().values(**ROWS["feeds"]))
    with store.read() as tx:
        assert tx.execute(schema.feeds.select()).all() == []


def test_a_time_without_an_offset_is_refused(store: Store) -> None:
    with pytest.raises(Exception, match="without an offset"):
        insert(store, "feeds", first_received_utc=datetime(2026, 3, 29, 1, 30))


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    words=st.text(min_size=1, max_size=60).filter(lambda t: "\x00" not in t),
    at=st.datetimes(
        datetime(1970, 1, 1), datetime(2200, 1, 1),
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))]),
    ),
    value=st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=20).filter(lambda t: "\x00" not in t),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=6,
    ).filter(lambda v: v is not None and "\\u0000" not in canonical_text(v)),
)  # fmt: skip
def test_any_text_time_and_document_come_back(
    store: Store, words: str, at: datetime, value: object
) -> None:
    with store.write() as tx:
        tx.execute(schema.settings.delete())
        tx.execute(
            schema.settings.insert().values(
                key=words, value=value, version=1, changed_utc=at, changed_by="x"
            )
        )
    with store.read() as tx:
        row = tx.execute(schema.settings.select()).one()
    assert (row.key, row.value) == (words, value)
    assert row.changed_utc == at
    assert row.changed_utc.tzinfo is UTC


@pytest.mark.parametrize("version", schema_version.versions())
def test_up_and_down_on_data(store: Store, version: str) -> None:
    """From any version up to the newest and back, what a version can hold is kept."""
    schema_version.move(store, version)
    with store.read() as tx:
        names = set(store.reader.dialect.get_table_names(tx)) & set(ROWS)
    with store.write() as tx:
        fill(tx, names)
    schema_version.move(store, schema_version.head())
    with store.read() as tx:
        assert held(tx, names) == {name: ROWS[name] for name in names}
    schema_version.move(store, version)
    with store.read() as tx:
        assert set(store.reader.dialect.get_table_names(tx)) & set(ROWS) == names
        assert held(tx, names) == {name: ROWS[name] for name in names}
    schema_version.move(store, "base")
    with store.read() as tx:
        assert not set(store.reader.dialect.get_table_names(tx)) & set(ROWS)
    schema_version.move(store, schema_version.head())
