"""Rates: so much a minute and no more, whoever claims to be somebody else, over all processes."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI
from limits import RateLimitItemPerMinute
from limits.strategies import FixedWindowRateLimiter
from starlette.testclient import TestClient

from api.conventions.shared_counts import PREFIX, SharedCounts
from api.conventions.shared_memory import SharedMemory, make_shared_file
from api.sessions import MOST_SESSIONS, Sessions
from api.settings import Limits, ServiceRefusedError, settings_for
from api.throttle import ATTEMPTS, Throttle
from tests.api.accounts_world import add_person, entries, sign_in_as
from tests.api.service_world import BEARER, Clock, client_of, problem, service

FEW = Limits(reads_per_minute=12, changes_per_minute=3)


def statuses(client: TestClient, number: int, headers: dict[str, str]) -> list[int]:
    return [client.get("/assessment", headers=headers).status_code for _ in range(number)]


def test_reads_and_changes_have_their_own_rates(tmp_path: Path) -> None:
    with client_of(service(tmp_path, limits=FEW)) as client:
        assert statuses(client, 13, BEARER) == [404] * 12 + [429]
        body = problem(client.get("/assessment", headers=BEARER), 429)
        assert "12 reads a minute" in body["detail"]
        changes = [client.post("/plans", json={}, headers=BEARER) for _ in range(4)]
        assert [one.status_code for one in changes] == [422] * 3 + [429]
        assert 1 <= int(changes[-1].headers["retry-after"]) <= 60
        assert client.get("/health").status_code == 200  # somebody else, by address


def test_a_rate_is_a_persons_and_a_forged_address_changes_nothing(tmp_path: Path) -> None:
    with client_of(service(tmp_path, limits=FEW)) as client:
        forged = [{"X-Forwarded-For": f"10.0.0.{n}"} for n in range(14)]
        seen = [client.get("/health", headers=one).status_code for one in forged]
        assert seen == [200] * 12 + [429] * 2
        add_person(client.app, "pat", "planner")  # type: ignore[arg-type]  # a FastAPI
        assert statuses(client, 1, BEARER) == [404]
    with client_of(service(tmp_path, limits=replace(FEW, reads_per_minute=50))) as client:
        one = sign_in_as(client.app, "pat")  # type: ignore[arg-type]  # as above
        two = sign_in_as(client.app, "pat")  # type: ignore[arg-type]  # as above
        asked = [one.get("/plans?week=2026-W48").status_code for _ in range(25)]
        asked += [two.get("/plans?week=2026-W48").status_code for _ in range(30)]
        assert asked.count(200) < 50
        assert asked[-1] == 429


def test_what_is_refused_or_recorded_counts_too(tmp_path: Path) -> None:
    with client_of(service(tmp_path, limits=FEW)) as client:
        app: FastAPI = client.app  # type: ignore[assignment]  # a FastAPI
        add_person(app, "hackney", "borough", boroughs=("E09000012",))
        add_person(app, "eve", "auditor")
        for name, address, status in (("hackney", "/plans", 403), ("eve", "/audit", 200)):
            person, before = sign_in_as(app, name), len(entries(app))
            asked = [person.get(f"{address}?week=2026-W{n}").status_code for n in range(10, 40)]
            assert set(asked) == {status, 429}
            assert len(entries(app)) - before == asked.count(status) <= 12


def test_four_processes_that_share_a_file_count_as_one(tmp_path: Path) -> None:
    path = make_shared_file(tmp_path)
    item = RateLimitItemPerMinute(40, namespace=f"{PREFIX}/read")
    passed: list[bool] = []

    def ask() -> None:
        limiter = FixedWindowRateLimiter(SharedCounts(SharedMemory(path)))
        passed.extend(limiter.hit(item, "name/ann") for _ in range(25))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (passed.count(True), passed.count(False)) == (40, 60)
    counts = SharedCounts(SharedMemory(path))
    limiter = FixedWindowRateLimiter(counts)
    assert not limiter.test(item, "name/ann")
    assert limiter.test(item, "name/bob")
    counts.clear(item.key_for("name/ann"))
    assert limiter.hit(item, "name/ann")
    assert counts.check()
    assert counts.reset() == 1
    assert path.stat().st_mode & 0o077 == 0


def test_a_window_ends(tmp_path: Path) -> None:
    now = [1000.0]
    counts = SharedCounts(SharedMemory(), clock=lambda: now[0])
    limiter = FixedWindowRateLimiter(counts)
    item = RateLimitItemPerMinute(2)
    assert [limiter.hit(item, "a") for _ in range(3)] == [True, True, False]
    assert counts.get_expiry(item.key_for("a")) == 1060.0
    now[0] += 60.0
    assert limiter.hit(item, "a")
    assert counts.get(item.key_for("a")) == 1


def test_wrong_tokens_and_sessions_are_shared_too(tmp_path: Path) -> None:
    path, clock = make_shared_file(tmp_path), Clock()
    doors = [Throttle(clock, SharedMemory(path)) for _ in range(4)]
    waits = [doors[n % 4].fail("10.0.0.1") for n in range(ATTEMPTS + 4)]
    assert [wait > 0 for wait in waits] == [False] * ATTEMPTS + [True] * 4
    here, there = (Sessions(clock, SharedMemory(path)) for _ in range(2))
    identifier = here.open()
    found = there.find(identifier)
    assert found == here.find(identifier)
    there.close(identifier)
    assert here.find(identifier) is None
    kept = [here.open() for _ in range(MOST_SESSIONS + 1)]
    assert sum(there.find(one) is not None for one in kept) == MOST_SESSIONS


def test_only_an_address_can_be_a_trusted_proxy() -> None:
    asked = {"data": None, "host": "127.0.0.1", "port": 0, "behind_proxy": True, "sample": False}
    assert settings_for(**asked).trusted_proxies == ("127.0.0.1", "::1")  # type: ignore[arg-type]  # a dict of options
    with pytest.raises(ServiceRefusedError, match="trusted-proxy"):
        settings_for(**asked, trusted_proxies=["*"])  # type: ignore[arg-type]  # as above


def test_counting_a_request_is_cheap(tmp_path: Path) -> None:
    limiter = FixedWindowRateLimiter(SharedCounts(SharedMemory(make_shared_file(tmp_path))))
    item = RateLimitItemPerMinute(10**6)
    begun = time.process_time()
    for _ in range(500):
        limiter.hit(item, "name/ann")
    assert (time.process_time() - begun) / 500 < 0.004
