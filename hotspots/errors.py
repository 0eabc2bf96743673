"""The one way the engines refuse an input: what, where, which value, and the remedy."""

from __future__ import annotations


class InputRefusedError(Exception):
    """An input cannot be used. The message is one line a person can act on.

    Parameters
    ----------
    problem
        What is wrong, with the bound where there is one.
    remedy
        What the person should do about it.
    file, row, column, value
        Where it was found. ``row`` counts data rows from 1, the header not counted.
    """

    def __init__(
        self,
        problem: str,
        *,
        remedy: str,
        file: str | None = None,
        row: int | None = None,
        column: str | None = None,
        value: object = None,
    ) -> None:
        self.problem = problem
        self.remedy = remedy
        self.file = file
        self.row = row
        self.column = column
        self.value = value
        super().__init__(self._one_line())

    def _one_line(self) -> str:
        where = [str(self.file)] if self.file else []
        if self.row is not None:
            where.append(f"row {self.row}")
        if self.column is not None:
            where.append(f"column {self.column!r}")
        if self.value is not None:
            where.append(f"value {_short(self.value)}")
        prefix = f"{', '.join(where)}: " if where else ""
        text = f"{prefix}{self.problem.rstrip('.')}. Remedy: {self.remedy.rstrip('.')}."
        return " ".join(text.split())


class FeedRefusedError(InputRefusedError):
    """A feed file cannot be read at all, or holds no usable record."""


class BoundaryRefusedError(InputRefusedError):
    """A boundary file cannot replace the bundled one."""


class CoordinateSystemRefusedError(BoundaryRefusedError):
    """Distances were asked for in a system that is not projected and in metres."""


class PolicyRefusedError(InputRefusedError):
    """An evidence policy names an unknown source or an impossible number."""


class AssessmentRefusedError(InputRefusedError):
    """The evidence or the request cannot give an assessment, or a document is not one."""


def _short(value: object, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
