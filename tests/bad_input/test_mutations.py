"""Thousands of damaged files: each is read whole and sound, or refused; nothing else happens.

``ARV_MUTATIONS=20`` multiplies the number of cases; the seeds go on from those of the usual run.
"""

from __future__ import annotations

import contextlib
import os
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

from allocator.errors import PlanningRefusedError
from hotspots.errors import InputRefusedError
from tests.bad_input.doors import DOORS
from tests.bad_input.good_files import good_files
from tests.bad_input.mutations import mutated, mutated_inside

TIMES = int(os.environ.get("ARV_MUTATIONS", "1"))
LIMIT_S = 20
#: Cases of one usual run. Readers that build frames cost some 0.1 s, the others 1 to 30 ms.
CASES = {
    "feed/meeting csv": 60, "feed/meeting parquet": 60, "feed/meeting geojson": 70,
    "feed/meeting gpkg": 60, "feed/street csv": 70, "feed/street gz": 50, "feed/street zip": 50,
    "feed/counts csv": 70, "feed/counts parquet": 60, "feed/wide csv": 60,
    "feed/wide parquet": 60, "sidecar/csv": 25, "events/csv": 130, "events/parquet": 100,
    "boundary/geojson": 120, "boundary/gpkg": 60, "wards/geojson": 50, "wards/gpkg": 30,
    "fleet/toml": 1200, "policy/toml": 1100, "plan/json": 1200, "assessment/json": 250,
    "assessment/draws": 100, "assessment/cells": 100,
}  # fmt: skip


class TooSlowError(Exception):
    """A reader took longer than ``LIMIT_S`` over a small file."""


@contextlib.contextmanager
def time_bound() -> Iterator[None]:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TooSlowError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LIMIT_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def damaged(key: str, seed: int) -> tuple[str, bytes]:
    """Return the name and the damaged content of one case."""
    name, content = good_files()[key]
    if name.endswith((".gz", ".zip", ".parquet", ".geojson", ".json")) and seed % 2:
        return name, mutated_inside(name, content, seed)
    return name, mutated(content, seed)


def refusal_of(key: str, path: Path) -> str | None:
    """Read through the door; return the words of the refusal, ``None`` when it was read."""
    try:
        with time_bound(), warnings.catch_warnings():
            warnings.simplefilter("error", category=RuntimeWarning)
            DOORS[key.partition("/")[0]](path)
    except (InputRefusedError, PlanningRefusedError) as refused:
        return str(refused)
    return None


def test_the_usual_run_is_thousands_of_cases() -> None:
    assert set(CASES) == set(good_files())
    assert sum(CASES.values()) >= 5_000


@pytest.mark.timeout(600 * TIMES)
@pytest.mark.parametrize("key", CASES)
def test_a_damaged_file_is_read_soundly_or_refused(key: str, tmp_path: Path) -> None:
    read = 0
    for seed in range(CASES[key] * TIMES):
        name, content = damaged(key, seed)
        path = tmp_path / name
        path.write_bytes(content)
        beside = {one.name for one in tmp_path.iterdir()}
        try:
            words = refusal_of(key, path)
        except Exception as fault:
            raise AssertionError(f"{key}, seed {seed}: {type(fault).__name__}: {fault}") from fault
        if words is None:
            read += 1
        else:
            assert words.isprintable(), (seed, words)
            assert "Remedy:" in words, (seed, words)
            assert len(words) < 3_000, (seed, words)
        left = {one.name for one in tmp_path.iterdir()} - beside
        assert left <= {"week.csv", "assessment.json", "draws.parquet", "cells.parquet",
                        "wards.csv", "boroughs.csv", "rejected.csv"}, left  # fmt: skip
    assert CASES[key] * TIMES - read > 0, "nothing was refused: the mutations are too tame"


@pytest.mark.parametrize("key", CASES)
def test_the_sound_file_is_read(key: str, tmp_path: Path) -> None:
    name, content = good_files()[key]
    path = tmp_path / name
    path.write_bytes(content)
    assert refusal_of(key, path) is None
