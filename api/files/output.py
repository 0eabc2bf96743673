"""Write results so that a reader never sees half of one: temporary name, flush, then rename."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from errno import EINVAL, EISDIR
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


@dataclass(frozen=True)
class Output:
    """Files that belong into one folder, by name."""

    folder: Path
    writers: Mapping[str, Writer]


def write_all(folder: Path, writers: Mapping[str, Writer]) -> None:
    """Write every named file into ``folder``, or none of them; see :func:`write_outputs`."""
    write_outputs([Output(folder, writers)])


def write_outputs(outputs: Sequence[Output]) -> None:
    """Write every named file into its folder, or none of them anywhere.

    All files are first written and flushed to disk in a hidden folder inside the one they are
    for, so on the same file system; only when every one is complete are they renamed into
    place, in the order given. A fault before that leaves every folder as it was.

    Raises
    ------
    OSError
        When a disk is full or a folder cannot be written.
    """
    for output in outputs:
        for name in output.writers:
            _refuse_irregular(output.folder / name)
    with ExitStack() as stack:
        staged = []
        for output in outputs:
            stack.enter_context(_made(output.folder))
            partial = stack.enter_context(
                tempfile.TemporaryDirectory(prefix=".partial-", dir=output.folder)
            )
            for name, write in output.writers.items():
                path = Path(partial) / name
                write(path)
                _flush(path)
                staged.append((path, output.folder / name))
        for path, target in staged:
            path.replace(target)


def write_file(path: Path, write: Writer) -> None:
    """Write one file whole, or not at all."""
    write_all(path.parent, {path.name: write})


def json_outputs(target: str | None, value: object) -> list[Output]:
    """Return where a result goes as JSON: a file, or nowhere for ``None`` and ``-``."""
    if target is None or target == "-":
        return []
    path = Path(target)
    return [Output(path.parent, {path.name: text_writer(json_text(value))})]


def write_json(target: str | None, value: object) -> None:
    """Write a result as JSON to a file, to standard output for ``-``, or nowhere for ``None``."""
    write_outputs(json_outputs(target, value))
    print_json(target, value)


def print_json(target: str | None, value: object) -> None:
    """Write a result as JSON to standard output when ``target`` is ``-``."""
    if target == "-":
        sys.stdout.write(json_text(value))
        sys.stdout.flush()


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make a folder and those above it; take away again what a fault leaves empty."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for one in missing:
            with suppress(OSError):  # not empty: somebody else uses it
                one.rmdir()
        raise


def _refuse_irregular(target: Path) -> None:
    """Refuse to put a file where a folder, pipe or device stands: renaming would replace it."""
    if target.is_dir():
        raise IsADirectoryError(EISDIR, "a folder stands where the file goes", str(target))
    if target.exists() and not target.is_file():
        raise OSError(EINVAL, "no regular file: a result is not written there", str(target))


def _flush(path: Path) -> None:
    with path.open("rb+") as handle:
        os.fsync(handle.fileno())
