"""Write results so that a reader never sees half of one: temporary name, flush, then rename."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

Writer = Callable[[Path], None]


def text_writer(text: str) -> Writer:
    """Return a writer of UTF-8 text with Unix line ends."""

    def write(path: Path) -> None:
        path.write_text(text, encoding="utf-8", newline="\n")

    return write


def bytes_writer(content: bytes) -> Writer:
    """Return a writer of bytes as they are."""

    def write(path: Path) -> None:
        path.write_bytes(content)

    return write


def json_text(value: object) -> str:
    """Return the one JSON form of the product: sorted keys, two-space indent, no NaN."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def write_all(folder: Path, writers: Mapping[str, Writer]) -> None:
    """Write every named file into ``folder``, or none of them.

    All files are first written and flushed to disk in a hidden sibling folder on the same
    file system; only when every one is complete are they renamed into place, in the order
    given. A fault before that leaves the folder as it was.

    Raises
    ------
    OSError
        When the disk is full or the folder cannot be written.
    """
    existed = folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix=".partial-", dir=folder) as partial:
            for name, write in writers.items():
                path = Path(partial) / name
                write(path)
                _flush(path)
            for name in writers:
                (Path(partial) / name).replace(folder / name)
    except BaseException:
        if not existed and not any(folder.iterdir()):
            folder.rmdir()
        raise


def write_file(path: Path, write: Writer) -> None:
    """Write one file whole, or not at all."""
    write_all(path.parent, {path.name: write})


def write_json(target: str | None, value: object) -> None:
    """Write a result as JSON to a file, to standard output for ``-``, or nowhere for ``None``."""
    if target is None:
        return
    if target == "-":
        sys.stdout.write(json_text(value))
        sys.stdout.flush()
    else:
        write_file(Path(target), text_writer(json_text(value)))


def _flush(path: Path) -> None:
    with path.open("rb+") as handle:
        os.fsync(handle.fileno())
