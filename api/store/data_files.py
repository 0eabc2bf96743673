"""The folders beside the database, in a backup and back again.

They hold assessments, plans, studies of plans, rosters and fleets. Each but a fleet is put in
place whole before the record speaks of it, and never altered or removed. Files copied after
the moment of the database copy therefore hold all that it speaks of, whatever goes on meanwhile.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from sqlalchemy import Connection, select

from api.files.output import json_text
from api.store.check import Fault
from api.store.errors import BackupRefusedError
from api.store.schema import plan_versions, tpu_rosters
from api.store.types import canonical_text, digest

FILES, LIST = "files", "files.json"
#: What belongs to the record and lies beside the database; keys and one-time secrets do not.
FOLDERS = ("assessments", "plans", "studies", "rosters", "fleets")
SINGLE = ("organisation.toml",)
ROSTER = "tpu_roster.json"
#: Folders whose files never change once they are there; the others may be newer than a backup.
_IMMUTABLE_DEPTH = {"assessments": 3, "plans": 4, "studies": 5, "rosters": 3}


def copy_files(data_dir: Path, backup: Path) -> tuple[int, str]:
    """Copy the files of a data directory into a backup, with a list of their digests.

    Parameters
    ----------
    data_dir
        The data directory; the service may go on.
    backup
        Folder of the backup. It gets ``files/`` and ``files.json``, even where there are none.

    Returns
    -------
    n_files : int
    sha256 : str
        Digest of the list.
    """
    listed = {}
    for path in _files_of(data_dir):
        target = backup / FILES / path
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(data_dir / path, target)
        _flush(target)
        listed[path.as_posix()] = _digest(target)
    text = json_text(listed)
    (backup / LIST).write_text(text, "utf-8")
    _flush(backup / LIST)
    return len(listed), hashlib.sha256(text.encode("utf-8")).hexdigest()


def listed_files(backup: Path, sha256: str) -> dict[str, str]:
    """Return the files of a backup by path with their digests, each compared with its content.

    Raises
    ------
    BackupRefusedError
        The list or a file is not the one that was written.
    """
    try:
        text = (backup / LIST).read_text("utf-8")
        if hashlib.sha256(text.encode("utf-8")).hexdigest() != sha256:
            raise ValueError("the list was altered")
        listed: dict[str, str] = json.loads(text)
        for name, wanted in listed.items():
            if _unsafe(name) or _digest(backup / FILES / name) != wanted:
                raise ValueError(f"{name[:80]} is not the file that was copied")
    except (OSError, ValueError, AttributeError, TypeError) as fault:
        raise BackupRefusedError(
            f"the files in {backup} are not those its manifest tells of ({str(fault)[:120]})",
            remedy="use another copy of this backup, or an earlier backup",
        ) from fault
    return listed


def missing_files(listed: dict[str, str], data_dir: Path) -> list[str]:
    """Return the files of a backup that are not in a data directory, by path.

    Parameters
    ----------
    listed
        From :func:`listed_files`.
    data_dir
        Where they belong.

    Raises
    ------
    BackupRefusedError
        A file that never changes is there with another content.
    """
    there = {name for name in listed if (data_dir / name).exists()}
    for name in sorted(there):
        if _never_changes(name) and _digest(data_dir / name) != listed[name]:
            raise BackupRefusedError(
                f"{data_dir / name} is not what it was when the backup was made",
                remedy="move its folder aside for inquiry, then restore again",
            )
    return sorted(set(listed) - there)


def put_back(backup: Path, names: list[str], data_dir: Path) -> None:
    """Copy files of a backup into a data directory, each whole or not at all.

    Parameters
    ----------
    backup, names, data_dir
        The folder, what :func:`missing_files` said, and where they go. What is there stays.
    """
    for name in names:
        _put(backup / FILES / name, data_dir / name)


def file_faults(tx: Connection, data_dir: Path) -> Iterator[Fault]:
    """Yield a fault for every plan or roster of the record whose folder is missing.

    A plan's assessment must be there, too. Studies are not in the record: nobody can say which
    of them should be there.

    Parameters
    ----------
    tx
        A reading transaction of the store.
    data_dir
        The data directory of the service. One without ``plans`` has had no service yet.
    """
    if not (data_dir / "plans").is_dir():
        return
    query = select(plan_versions.c.plan_key, plan_versions.c.document)
    for key, body in tx.execute(query.order_by(plan_versions.c.plan_key)):
        folder = data_dir / "plans" / str(body["week"]) / str(body["plan_id"])
        words = _content_fault(folder / "plan.json", body)
        source = data_dir / "assessments" / str(body["assessment_id"])
        if not words and not (source / "assessment.json").is_file():
            words = f"was made from an assessment whose folder {source} is missing"
        if words:
            yield Fault("plans", str(key), words)
    rosters = select(tpu_rosters.c.roster_id, tpu_rosters.c.document)
    for name, body in tx.execute(rosters.order_by(tpu_rosters.c.roster_id)):
        words = _content_fault(data_dir / "rosters" / str(name) / ROSTER, body)
        if words:
            yield Fault("rosters", str(name), words)


def _content_fault(path: Path, body: object) -> str:
    try:
        same = digest(canonical_text(json.loads(path.read_text("utf-8")))) == digest(
            canonical_text(body)
        )
    except OSError:
        return f"has no folder {path.parent}: it cannot be shown"
    except ValueError:
        same = False
    return "" if same else f"is not what {path} says"


def _files_of(data_dir: Path) -> Iterator[PurePosixPath]:
    """Yield the files that belong to the record, in a fixed order; links are not followed."""
    for name in SINGLE:
        if (data_dir / name).is_file():
            yield PurePosixPath(name)
    for folder in FOLDERS:
        for parent, folders, names in os.walk(data_dir / folder):
            folders.sort()
            for name in sorted(names):
                path = Path(parent) / name
                if path.is_file() and not path.is_symlink() and not name.startswith("."):
                    yield PurePosixPath(path.relative_to(data_dir).as_posix())


def _never_changes(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return len(parts) >= _IMMUTABLE_DEPTH.get(parts[0], len(parts) + 1)


def _unsafe(name: str) -> bool:
    parts = PurePosixPath(name).parts
    known = parts[:1] and (parts[0] in FOLDERS or name in SINGLE)
    return not known or ".." in parts or name.startswith("/")


def _put(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(prefix=".restore-", dir=target.parent)
    os.close(handle)
    partial = Path(name)
    try:
        shutil.copyfile(source, partial)
        _flush(partial)
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
