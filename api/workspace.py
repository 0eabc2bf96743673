"""The files of the service under its data directory; which plan is in force is in the record.

``assessments/<assessment_id>/``, ``plans/<week>/<plan_id>/``, ``studies/`` of a plan by kind, and
``rosters/<roster_id>/`` are immutable folders; the file ``current`` beside them names the
assessment in use, and the plan or the study made last. A folder is filled under ``staging/`` by a
worker and renamed into place whole, so that a reader, a crash or a full disk never shows half
of one. One service owns a data directory at a time.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from api.files.output import text_writer, write_file
from api.settings import ServiceRefusedError

ASSESSMENTS, PLANS, FLEETS, STAGING = "assessments", "plans", "fleets", "staging"
STUDIES, ROSTERS = "studies", "rosters"
CURRENT = "current"
IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
WEEK = re.compile(r"\d{4}-W(?:0[1-9]|[1-4]\d|5[0-3])")


class Workspace:
    """The assessments, plans, studies, rosters and fleets kept under one data directory.

    Parameters
    ----------
    root
        The data directory; see :func:`open_workspace`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """Yield an empty folder on the same file system; what is left in it is thrown away."""
        with tempfile.TemporaryDirectory(
            dir=self.root / STAGING, ignore_cleanup_errors=True
        ) as folder:
            yield Path(folder)

    def publish_assessment(self, staged: Path, assessment_id: str) -> Path:
        """Move a staged assessment into place and make it the current one."""
        return self._publish(staged, self.root / ASSESSMENTS, assessment_id)

    def publish_plan(self, staged: Path, week: str, plan_id: str) -> Path:
        """Move a staged plan into place and make it the plan of its week."""
        if not WEEK.fullmatch(week):
            raise ValueError(f"{week!r} is not an ISO week")
        return self._publish(staged, self.root / PLANS / week, plan_id)

    def publish_study(self, staged: Path, plan_id: str, kind: str, study_id: str) -> Path:
        """Move a staged study of a plan into place and make it the current one of its kind."""
        return self._publish(staged, self._studies(plan_id, kind), study_id)

    def publish_roster(self, staged: Path, roster_id: str) -> Path:
        """Move a staged roster into place."""
        return self._publish(staged, self.root / ROSTERS, roster_id)

    def study(self, plan_id: str, kind: str, study_id: str | None = None) -> Path | None:
        """Return the folder of a study of a plan, the current one of its kind by default."""
        return self._folder(self._studies(plan_id, kind), study_id)

    def roster(self, roster_id: str) -> Path | None:
        """Return the folder of a roster, if it is there."""
        return self._folder(self.root / ROSTERS, roster_id)

    def assessment(self, assessment_id: str | None = None) -> Path | None:
        """Return the folder of an assessment, the current one by default, if it is there."""
        return self._folder(self.root / ASSESSMENTS, assessment_id)

    def assessments(self) -> list[Path]:
        """Return the folders of the assessments, by identifier."""
        found = (path for path in (self.root / ASSESSMENTS).iterdir() if path.is_dir())
        return sorted(path for path in found if IDENTIFIER.fullmatch(path.name))

    def plan(self, week: str, plan_id: str | None = None) -> Path | None:
        """Return the folder of a week's plan, the one made last by default, if there is one."""
        return self._folder(self.root / PLANS / week, plan_id) if WEEK.fullmatch(week) else None

    def weeks(self) -> list[str]:
        """Return the weeks that have a plan, earliest first."""
        names = (path.name for path in (self.root / PLANS).iterdir())
        return sorted(name for name in names if self.plan(name) is not None)

    def fleet(self, fleet_id: str) -> Path | None:
        """Return the file of a fleet, if it is there."""
        path = self.root / FLEETS / f"{fleet_id}.toml"
        return path if IDENTIFIER.fullmatch(fleet_id) and path.is_file() else None

    def fleets(self) -> list[str]:
        """Return the identifiers of the fleets, sorted."""
        return sorted(path.stem for path in (self.root / FLEETS).glob("*.toml"))

    def keep_fleet(self, fleet_id: str, text: str) -> None:
        """Write a fleet file whole, or not at all."""
        if not IDENTIFIER.fullmatch(fleet_id):
            raise ValueError(f"{fleet_id!r} is not an identifier")
        write_file(self.root / FLEETS / f"{fleet_id}.toml", text_writer(text))

    def is_empty(self) -> bool:
        """Return whether the workspace holds neither assessment nor plan."""
        return self.assessment() is None and not self.weeks()

    def _studies(self, plan_id: str, kind: str) -> Path:
        if not IDENTIFIER.fullmatch(plan_id):
            raise ValueError(f"{plan_id!r} is not an identifier")
        return self.root / STUDIES / plan_id / kind

    def _publish(self, staged: Path, shelf: Path, identifier: str) -> Path:
        if not IDENTIFIER.fullmatch(identifier):
            raise ValueError(f"{identifier!r} is not an identifier")
        shelf.mkdir(parents=True, exist_ok=True)
        target = shelf / identifier
        if not target.is_dir():  # an identifier is a digest of the content: the same is there
            try:
                staged.rename(target)
            except OSError:
                if not target.is_dir():  # unless another process was first with the same
                    raise
            _flush_folder(shelf)
        write_file(shelf / CURRENT, text_writer(identifier + "\n"))
        _flush_folder(shelf)
        return target

    def _folder(self, shelf: Path, identifier: str | None = None) -> Path | None:
        if identifier is None:
            try:
                identifier = (shelf / CURRENT).read_text("utf-8").strip()
            except (FileNotFoundError, NotADirectoryError):
                return None
        if not IDENTIFIER.fullmatch(identifier):
            return None
        folder = shelf / identifier
        return folder if folder.is_dir() else None


@contextmanager
def open_workspace(root: Path) -> Iterator[Workspace]:
    """Yield the workspace under a data directory, made if missing, owned until the end.

    What an earlier service left unfinished in ``staging`` is removed.

    Raises
    ------
    ServiceRefusedError
        When another service owns the directory.
    OSError
        When it cannot be made or written.
    """
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (root / "lock").open("a+b") as lock:
        _own(lock, root)
        shutil.rmtree(root / STAGING, ignore_errors=True)
        for name in (ASSESSMENTS, PLANS, FLEETS, STAGING):
            (root / name).mkdir(exist_ok=True, mode=0o700)
        yield Workspace(root)


def _own(lock: IO[bytes], root: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as fault:
        raise ServiceRefusedError(
            f"another service is using the data directory {root}",
            remedy="stop it first, or give this one its own --data DIR",
        ) from fault


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
