"""Bytes of a regular file, read once and whole: no pipe, no device, no file that changes."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from hotspots.errors import FeedRefusedError

#: How much of a file is looked at before the rest is read.
HEAD_BYTES = 65_536


def read_whole(
    path: Path,
    *,
    max_bytes: int,
    too_large: str = "check that this is the right file",
    check_head: Callable[[bytes], None] | None = None,
) -> bytes:
    """Return the content of a regular file that stays as it is while it is read.

    Parameters
    ----------
    path
        Any path; a pipe or device is refused without waiting for it.
    max_bytes
        Limit on the size, checked before anything is read.
    too_large
        The remedy for a file above the limit.
    check_head
        Called with the first bytes (at most ``HEAD_BYTES``), so that nonsense is refused
        before the rest of it fills memory.

    Raises
    ------
    FeedRefusedError
        The file is missing, not readable, no regular file, too large, or changed while it
        was read.
    """
    name = shown_name(path)
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            before = os.fstat(stream.fileno())
            _refuse_irregular(before, name, max_bytes, too_large)
            if check_head is not None:
                check_head(os.pread(stream.fileno(), HEAD_BYTES, 0))
            content = stream.read(before.st_size + 1)
            after = os.fstat(stream.fileno())
    except (OSError, ValueError) as error:
        raise _unopened(error, name) from error
    same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    if not same or len(content) != after.st_size:
        raise FeedRefusedError(
            "the file changed while it was being read",
            remedy="wait until the export has finished, then read it again",
            file=name,
        )
    return content


def read_whole_text(path: Path, *, max_bytes: int) -> str:
    """Return the text of a small UTF-8 file, with or without byte-order mark.

    Raises
    ------
    FeedRefusedError
        As :func:`read_whole`; also when the file is not UTF-8.
    """
    content = read_whole(path, max_bytes=max_bytes)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FeedRefusedError(
            f"the file is not UTF-8 text (byte {error.start:,})",
            remedy="save it as UTF-8",
            file=shown_name(path),
        ) from error


def shown_name(path: Path) -> str:
    """Return a file's name as text that can be written: odd bytes become replacement signs."""
    return os.fsencode(path.name).decode("utf-8", "replace")


def _refuse_irregular(found: os.stat_result, name: str, max_bytes: int, too_large: str) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise FeedRefusedError(
            "this is no regular file", remedy="give the path of a file", file=name
        )
    if found.st_size > max_bytes:
        raise FeedRefusedError(
            f"the file has {found.st_size:,} bytes, above the limit of {max_bytes:,}",
            remedy=too_large,
            file=name,
        )


def _unopened(error: Exception, name: str) -> FeedRefusedError:
    reason = getattr(error, "strerror", None) or str(error)
    return FeedRefusedError(
        f"the file cannot be opened ({reason})",
        remedy="check the path and that you may read it",
        file=name,
    )
