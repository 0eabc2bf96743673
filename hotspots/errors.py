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
        prefix = _printable(", ".join(where), 600) + ": " if where else ""
        problem, remedy = _printable(self.problem, 1200), _printable(self.remedy, 600)
        return f"{prefix}{problem.rstrip('.')}. Remedy: {remedy.rstrip('.')}."


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


def _printable(text: str, limit: int) -> str:
    """Return text as one line of bounded length that no terminal takes for a command.

    What a file holds stands in its refusal: control, direction and surrogate characters are
    shown by their code.
    """
    line = " ".join(text.split())
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _short(value: object, limit: int = 80) -> str:
    if isinstance(value, int) and value.bit_length() > 1_000:  # too long to be written out
        return f"an integer of {value.bit_length():,} bits"
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
