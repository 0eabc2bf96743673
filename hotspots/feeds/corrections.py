"""Corrections between records: every target exists, in time order, without a cycle."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from hotspots.incidents import Rejection


def broken_corrections(records: pd.DataFrame) -> tuple[Rejection, ...]:
    """Return a rejection for every row whose correction cannot be honoured.

    Parameters
    ----------
    records
        Rows in ``RECORD_DTYPES`` of one file, or of all files of a feed together; their ids
        are unique. Rows that correct a broken row are broken too.
    """
    target = dict(zip(records["record_id"], records["corrects"].fillna(""), strict=True))
    known = dict(zip(records["record_id"], records["known_from"], strict=True))
    place = dict(
        zip(records["record_id"], zip(records["file"], records["row"], strict=True), strict=True)
    )
    broken: dict[str, tuple[str, str]] = {}
    sound: set[str] = set()
    for record_id in sorted(target, key=lambda r: place[r]):
        if target[record_id]:
            _follow(record_id, target, known, broken, sound)
    return tuple(
        Rejection(
            file=place[record_id][0],
            row=place[record_id][1],
            column="corrects",
            value=target[record_id],
            reason=reason,
            remedy=remedy,
        )
        for record_id, (reason, remedy) in sorted(broken.items(), key=lambda b: place[b[0]])
    )


def _follow(
    record_id: str,
    target: dict[str, str],
    known: dict[str, pd.Timestamp],
    broken: dict[str, tuple[str, str]],
    sound: set[str],
) -> None:
    path = [record_id]
    seen = {record_id}
    while (aim := target[path[-1]]) and path[-1] not in sound:
        if aim in seen:
            cycle = path[path.index(aim) :]
            _mark(
                cycle,
                f"the corrections run in a circle ({' -> '.join([*cycle[:4], aim])})",
                "let each version name the version before it",
                broken,
            )
            _mark(path, _BASELESS[0], _BASELESS[1], broken)
            return
        if aim in broken or aim not in target:
            _mark(path[-1:], *(_BASELESS if aim in broken else _ABSENT), broken)
            _mark(path, *_BASELESS, broken)
            return
        if known[path[-1]] < known[aim]:
            _mark(path[-1:], *_TOO_EARLY, broken)
            _mark(path, *_BASELESS, broken)
            return
        path.append(aim)
        seen.add(aim)
    sound.update(path)


_ABSENT = (
    "the record it corrects is not in the feed",
    "give the corrected record too, or read the files of the feed together",
)
_TOO_EARLY = (
    "the correction was known before the record it corrects",
    "give the dates on which each version became known",
)
_BASELESS = (
    "the version it corrects was itself refused",
    "mend the earlier version first",
)


def _mark(ids: Iterable[str], reason: str, remedy: str, broken: dict[str, tuple[str, str]]) -> None:
    for record_id in ids:
        broken.setdefault(record_id, (reason, remedy))
