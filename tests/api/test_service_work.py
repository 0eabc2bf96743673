"""Work in processes: results, refusals, deadlines, a full queue, and processes that die."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request

from allocator.errors import LockRefusedError, PlanInfeasibleError, PlanVerificationError
from allocator.plan import Fleet, Unit
from allocator.restrictions import without_excluded
from api.problems import STATUS, ProblemError, problem_of
from api.routes.work import while_connected
from api.settings import ServiceRefusedError
from api.working import solve_tasks
from api.working.orders import ASSESS, MAKE_SAMPLE, PLACE, Task
from api.working.solving import WorkPool
from api.workspace import open_workspace
from hotspots.errors import FeedRefusedError


def double(number: int) -> int:
    return 2 * number


def refuse(row: int) -> None:
    raise FeedRefusedError("too many", remedy="send fewer", file="a.csv", row=row, value=1.5)


def break_down() -> None:
    raise RuntimeError("inner secret")


def die() -> None:
    os._exit(9)


def write_then_sleep(path: Path, seconds: float) -> None:
    path.write_text(str(os.getpid()))
    time.sleep(seconds)


def task(function: Callable[..., Any]) -> Task[Any]:
    return Task(__name__, function.__name__)


def run(use: Callable[[WorkPool], Awaitable[None]], *, slots: int = 1, waiting: int = 0) -> None:
    async def whole() -> None:
        pool = WorkPool(slots=slots, waiting=waiting)
        try:
            await use(pool)
        finally:
            pool.close()

    asyncio.run(whole())


async def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition never came true"
        await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


def test_results_refusals_and_defects_cross_the_process() -> None:
    async def use(pool: WorkPool) -> None:
        assert await pool.run(task(double), 21, deadline_s=60) == 42
        with pytest.raises(ProblemError) as refused:
            await pool.run(task(refuse), 7, deadline_s=60)
        problem = refused.value.problem
        assert (problem.status, problem.kind) == (422, "feed-refused")
        assert problem.detail == str(
            FeedRefusedError("too many", remedy="send fewer", file="a.csv", row=7, value=1.5)
        )
        assert problem.members["row"] == 7
        with pytest.raises(ProblemError) as broken:
            await pool.run(task(break_down), deadline_s=60)
        assert broken.value.problem.status == 500
        assert "secret" not in str(broken.value.problem)
        with pytest.raises(ProblemError, match="without a result"):
            await pool.run(task(die), deadline_s=60)
        assert await pool.run(task(double), 4, deadline_s=60) == 8

    run(use)


def test_a_deadline_ends_the_process(tmp_path: Path) -> None:
    async def use(pool: WorkPool) -> None:
        with pytest.raises(ProblemError) as late:
            await pool.run(task(write_then_sleep), tmp_path / "pid", 60.0, deadline_s=5)
        assert late.value.problem.status == 503
        assert late.value.problem.headers["Retry-After"]
        assert not alive(int((tmp_path / "pid").read_text()))

    run(use)


def test_a_full_queue_turns_away_and_cancelling_frees_the_slot(tmp_path: Path) -> None:
    async def use(pool: WorkPool) -> None:
        first = asyncio.ensure_future(
            pool.run(task(write_then_sleep), tmp_path / "pid", 60.0, deadline_s=90)
        )
        second = asyncio.ensure_future(pool.run(task(double), 2, deadline_s=60))
        await until((tmp_path / "pid").is_file)
        with pytest.raises(ProblemError) as busy:
            await pool.run(task(double), 3, deadline_s=60)
        assert busy.value.problem.status == 503
        assert int(busy.value.problem.headers["Retry-After"]) > 0
        assert not second.done()
        first.cancel()
        assert await second == 4
        pid = int((tmp_path / "pid").read_text())
        await until(lambda: not alive(pid))

    run(use, waiting=1)


def test_work_ends_when_the_client_goes_away(tmp_path: Path) -> None:
    async def gone() -> dict[str, str]:
        await until((tmp_path / "pid").is_file)
        return {"type": "http.disconnect"}

    async def use(pool: WorkPool) -> None:
        request = Request({"type": "http", "headers": []}, gone)
        with pytest.raises(ClientDisconnect):
            await while_connected(
                request, pool.run(task(write_then_sleep), tmp_path / "pid", 60.0, deadline_s=90)
            )
        assert not alive(int((tmp_path / "pid").read_text()))

    # `is_disconnected` looks without waiting; wait for the job to start before it is told
    run(use)


def test_one_table_gives_every_refusal_its_status() -> None:
    assert len({kind for kind, _, _ in STATUS}) == len(STATUS)
    for fault, status in (
        (PlanInfeasibleError("no", remedy="yes"), 422),
        (LockRefusedError("no", remedy="yes"), 422),
        (PlanVerificationError("inner", remedy="yes"), 500),
        (ServiceRefusedError("no", remedy="yes"), 422),
        (ValueError("inner"), 500),
        (PermissionError(13, "Permission denied", "/srv"), 503),
    ):
        found = problem_of(fault)
        assert found.status == status
        assert (str(fault) == found.detail) is (status == 422)
        assert "inner" not in found.detail


def test_excludes_narrow_where_a_unit_may_go() -> None:
    boroughs = ("E09000002", "E09000003", "E09000004")
    fleet = Fleet((Unit("A-1", "x"), Unit("A-2", "x", boroughs[:2])), 540, 60)
    narrowed = without_excluded(fleet, {"A-1": boroughs[:1], "A-2": boroughs[2:]}, boroughs)
    assert [unit.eligible_boroughs for unit in narrowed.units] == [boroughs[1:], boroughs[:2]]
    assert without_excluded(fleet, {}, boroughs) == fleet
    for excludes, named in (
        ({"A-9": boroughs[:1]}, "A-9"),
        ({"A-1": ("E09000001",)}, "E09000001"),
        ({"A-2": boroughs[:2]}, "no borough"),
    ):
        with pytest.raises(LockRefusedError, match=named):
            without_excluded(fleet, excludes, boroughs)


def test_a_workspace_has_one_owner_and_forgets_what_was_unfinished(tmp_path: Path) -> None:
    with open_workspace(tmp_path) as workspace:
        (tmp_path / "staging" / "half").mkdir()
        with pytest.raises(ServiceRefusedError, match="--data"), open_workspace(tmp_path):
            pass
        with workspace.staging() as folder:
            (folder / "a").mkdir()
            (folder / "a" / "x").write_text("1")
            workspace.publish_assessment(folder / "a", "ra-1")
            (folder / "p").mkdir()
            workspace.publish_plan(folder / "p", "2026-W48", "p-1")
        for odd in ("../x", "", ".x", "a/b", "x" * 129):
            with pytest.raises(ValueError, match="identifier"):
                workspace.publish_assessment(tmp_path / "staging" / "half", odd)
            assert workspace.assessment(odd) is None
            assert workspace.fleet(odd) is None
        assert workspace.weeks() == ["2026-W48"]
        assert workspace.plan("../2026-W48") is None
    with open_workspace(tmp_path) as again:
        assert list((tmp_path / "staging").iterdir()) == []
        assert again.assessment() == tmp_path / "assessments" / "ra-1"
        assert not again.is_empty()


def test_the_service_names_the_engines_and_does_not_load_them() -> None:
    for order in (ASSESS, PLACE, MAKE_SAMPLE):
        assert callable(getattr(solve_tasks, order.name))
        assert order.module == solve_tasks.__name__
    heavy = "ortools sklearn folium typst hotspots.pipeline allocator.weekly_plan"
    told = subprocess.run(
        [sys.executable, "-c", "import api.app, sys; print(*sys.modules)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert set(told.stdout.split()) & set(heavy.split()) == set()
