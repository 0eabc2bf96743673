"""Kill -9 at random moments while plans are proposed and approved: no step is lost or half there.

A child process drafts, proposes, approves and publishes one plan after another, two people taking
turns, and says on a pipe what it was told was done. The parent kills it, opens the record with
its signing key, and compares plans, their steps and the audit record with what was said.
"""

from __future__ import annotations

import os
import random
import select
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, func
from sqlalchemy import select as sql_select

from allocator.plan import BoroughCoverage, PatrolPlan, UnitPlacement, sealed
from api.access import Actor, Role
from api.audit.verify import verify
from api.plans.record import PaperKind, PlanRecord
from api.plans.shelf import PlanShelf
from api.record_folder import kept_head, open_record
from api.store import schema
from api.store.errors import StoreRefusedError
from benchmarks.soak.databases import databases
from benchmarks.soak.figures import Report, at_most, joined, none_of

KILLS = 200
READY_S = 5.0
PLANNER = Actor("ann", frozenset({Role.PLANNER}), "session")
KINDS: tuple[PaperKind, ...] = ("verdict", "backtest_card", "equality_statement")
APPROVER = Actor("cyd", frozenset({Role.APPROVER}), "session")


@dataclass
class Tally:
    """What the kills came to."""

    kills: int = 0
    acknowledged: int = 0
    lost: int = 0
    halves: int = 0
    ready_s: list[float] = field(default_factory=list)

    def report(self, kind: str) -> Report:
        """Return the figures of one database."""
        words = (
            f"{kind}: {self.kills} kills, {self.acknowledged} acknowledged steps, {self.lost} "
            f"lost, {self.halves} half-written; ready again in at most "
            f"{max(self.ready_s, default=0.0):.2f} s"
        )
        acknowledged = f"{kind}: acknowledged steps of plans"
        figures = (
            none_of(f"{acknowledged} lost in {self.kills} kills", self.lost),
            none_of(f"{acknowledged} half there in {self.kills} kills", self.halves),
            at_most(f"{kind}: ready again after a kill", max(self.ready_s), READY_S, "s"),
        )
        return Report(figures, words)


def run(kills: int = KILLS, seed: int = 11) -> Report:
    """Return the figures of both databases."""
    with databases() as made:
        tallies = {
            kind: kill_often(made.empty(kind), made.folder / f"keys-{kind}", kills=kills, seed=seed)
            for kind in ("sqlite", "postgresql")
        }
    return joined([tally.report(kind) for kind, tally in tallies.items()])


def kill_often(url: str, data_dir: Path, *, kills: int, seed: int) -> Tally:
    """Kill a writer again and again on one database, checking after each time."""
    rng, tally = random.Random(seed), Tally()
    with open_record(data_dir, url):
        pass  # the schema and the key are made in peace
    while tally.kills < kills:
        said = _one_kill(url, data_dir, rng.expovariate(1 / 0.5))
        tally.kills += 1
        tally.acknowledged += len(said)
        start = time.perf_counter()
        with open_record(data_dir, url) as record:
            with record.store.write() as tx:
                tx.execute(schema.settings.delete())
            tally.ready_s.append(time.perf_counter() - start)
            with record.store.read() as tx:
                moved = sql_select(
                    schema.plan_transitions.c.plan_key, schema.plan_transitions.c.version
                )
                steps = {f"{key} {version}" for key, version in tx.execute(moved)}
                head = kept_head(data_dir)
                sound = verify(tx, record.signer.verifier, [head] if head else [])
                tally.halves += _halves(tx) + sound.n_findings
            tally.lost += len(said - steps)
    return tally


def _halves(tx: Connection) -> int:
    """Count plans without content, steps without an audit entry, and weeks with two in force."""
    run = tx.execute
    plans, steps, versions = schema.plans, schema.plan_transitions, schema.plan_versions
    last = (
        sql_select(steps.c.plan_key, func.max(steps.c.version).label("version"))
        .group_by(steps.c.plan_key)
        .subquery()
    )
    behind = sql_select(func.count()).select_from(
        plans.outerjoin(last, last.c.plan_key == plans.c.plan_key)
    )
    n_behind = run(
        behind.where((last.c.version.is_(None)) | (last.c.version != plans.c.version))
    ).scalar_one()
    content = versions.c.plan_key == plans.c.plan_key
    n_empty = run(
        sql_select(func.count())
        .select_from(plans.outerjoin(versions, content))
        .where(versions.c.plan_key.is_(None))
    ).scalar_one()
    n_steps = run(sql_select(func.count()).select_from(steps)).scalar_one()
    noted = sql_select(func.count()).select_from(schema.audit)
    n_noted = run(noted.where(schema.audit.c.object_kind == "plan")).scalar_one()
    return int(n_behind) + int(n_empty) + abs(int(n_steps) - int(n_noted))


def _one_kill(url: str, data_dir: Path, after_s: float) -> set[str]:
    """Fork a writer, kill it at a random moment, return what it acknowledged."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # the writer: it never returns
        os.close(reader)
        _write_until_killed(url, data_dir, writer)
    os.close(writer)
    deadline, heard = time.monotonic() + after_s, b""
    while (left := deadline - time.monotonic()) > 0:
        if select.select([reader], [], [], left)[0]:
            part = os.read(reader, 65_536)
            if not part:
                break
            heard += part
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while part := os.read(reader, 65_536):
        heard += part
    os.close(reader)
    return {line.decode() for line in heard.split(b"\n")[:-1]}


def _write_until_killed(url: str, data_dir: Path, writer: int) -> None:
    try:
        with open_record(data_dir, url) as record:
            shelf = PlanShelf(record)
            for number in range(10_000):
                _one_life(shelf, number, writer)
    except StoreRefusedError:
        pass  # nothing more is acknowledged
    finally:
        os._exit(0)


def _one_life(shelf: PlanShelf, number: int, writer: int) -> None:
    """Take one plan from draft to publication and say of each step that it was done."""
    week = f"20{30 + number % 60}-W{1 + number % 50:02d}"

    def say(done: PlanRecord) -> str:
        os.write(writer, f"{done.key} {done.version}\n".encode())
        return done.key

    key = say(shelf.draft(_plan(week), PLANNER))
    for kind in KINDS:
        say(shelf.attach(key, kind, {"soak": number}, PLANNER))
    say(shelf.propose(key, PLANNER))
    say(shelf.approve(key, APPROVER))
    say(shelf.publish(key, APPROVER))


def _plan(week: str) -> PatrolPlan:
    unit = UnitPlacement("ARV-01", "CO19", ("E09000001",), (), (), 1.0, "soak", None)
    line = BoroughCoverage("E09000001", "City", "ARV-01", 0.5)
    return sealed(PatrolPlan("", week, "optimal", 0.5, 0.5, 0.0, (unit,), (line,)))
