"""Fixtures every suite may use."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent

#: One thread of linear algebra in each process, and in those it starts: the matrices are small,
#: and threads that wait for one another take the processors from the tests that run beside.
for _threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")


def pytest_collection_finish() -> None:
    """Keep the collector off what lives to the end: the libraries and the tests themselves."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real public data beside the checkout; skip where it is absent."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the public test data (../shared/data) is not beside this checkout")
    return folder
