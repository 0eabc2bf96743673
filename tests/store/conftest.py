"""The same tests on both databases: `store` is an empty store on SQLite, then on PostGIS."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.store.store import Store, open_store
from tests.store.private_cluster import Cluster, private_cluster

KINDS = ("sqlite", "postgresql")
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Yield a running private PostGIS cluster; an error says what to install."""
    with private_cluster() as made:
        open_store(made.make_database("arv_template")).close()
        yield made


@pytest.fixture(scope="session")
def template_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a SQLite file that holds the schema alone."""
    path = tmp_path_factory.mktemp("template") / "arv.sqlite3"
    open_store(f"sqlite:///{path}").close()
    return path


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Return the kind of database."""
    return str(request.param)


@pytest.fixture
def empty_url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Yield the address of a database that holds nothing at all."""
    if kind == "sqlite":
        yield f"sqlite:///{tmp_path}/empty.sqlite3"
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    name = f"empty_{next(_numbers)}"
    yield cluster.make_database(name)
    cluster.drop_database(name)


@pytest.fixture
def store_url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Yield the address of a store that holds no record."""
    if kind == "sqlite":
        path = tmp_path / "data" / "arv.sqlite3"
        path.parent.mkdir()
        shutil.copyfile(request.getfixturevalue("template_file"), path)
        yield f"sqlite:///{path}"
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    name = f"store_{next(_numbers)}"
    yield cluster.make_database(name, "arv_template")
    cluster.drop_database(name)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """Yield an open store that holds no record."""
    opened = open_store(store_url)
    yield opened
    opened.close()
