"""The databases a soak runs on: a SQLite file, and a private PostGIS cluster."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.store.private_cluster import Cluster, private_cluster

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Databases:
    """Where new databases come from.

    Attributes
    ----------
    folder
        Scratch, removed at the end.
    cluster
        ``None`` when only SQLite is tried.
    """

    folder: Path
    cluster: Cluster | None

    def empty(self, kind: str) -> str:
        """Return the address of a database that holds nothing."""
        name = f"soak_{next(_numbers)}"
        if kind == "sqlite":
            return f"sqlite:///{self.folder}/{name}/arv.sqlite3"
        if self.cluster is None:
            raise ValueError("there is no cluster")
        return self.cluster.make_database(name)


@contextmanager
def databases(kinds: tuple[str, ...] = ("sqlite", "postgresql")) -> Iterator[Databases]:
    """Yield what makes databases of some kinds."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="arv-soak-")))
        cluster = stack.enter_context(private_cluster()) if "postgresql" in kinds else None
        yield Databases(folder, cluster)
