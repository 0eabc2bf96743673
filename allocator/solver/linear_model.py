"""A mixed-integer linear model as plain arrays, for MathOpt and for an .mps file."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from ortools.math_opt import model_pb2
from scipy.sparse import csc_matrix, csr_matrix

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LinearModel:
    """Maximise ``objective @ x`` subject to row and variable bounds.

    Attributes
    ----------
    matrix
        Sparse (n_rows, n_variables).
    row_lower, row_upper, lower, upper, objective
        Bounds of rows and variables and the objective, float.
    integer
        bool (n_variables,).
    row_names, names
        Names without spaces, unique.
    """

    matrix: csr_matrix
    row_lower: Floats
    row_upper: Floats
    lower: Floats
    upper: Floats
    objective: Floats
    integer: NDArray[np.bool_]
    row_names: tuple[str, ...]
    names: tuple[str, ...]


def math_opt_proto(model: LinearModel, *, relaxed: bool = False) -> model_pb2.ModelProto:
    """Turn a model into MathOpt's own message; ``relaxed`` drops integrality."""
    proto = model_pb2.ModelProto()
    variables, rows = proto.variables, proto.linear_constraints
    variables.ids.extend(range(len(model.objective)))
    variables.lower_bounds.extend(model.lower.tolist())
    variables.upper_bounds.extend(model.upper.tolist())
    variables.integers.extend((model.integer & (not relaxed)).tolist())
    proto.objective.maximize = True
    nonzero = np.flatnonzero(model.objective)
    proto.objective.linear_coefficients.ids.extend(nonzero.tolist())
    proto.objective.linear_coefficients.values.extend(model.objective[nonzero].tolist())
    rows.ids.extend(range(model.matrix.shape[0]))
    rows.lower_bounds.extend(model.row_lower.tolist())
    rows.upper_bounds.extend(model.row_upper.tolist())
    entries = csr_matrix(model.matrix)
    entries.sort_indices()
    row_ids = np.repeat(np.arange(entries.shape[0]), np.diff(entries.indptr))
    proto.linear_constraint_matrix.row_ids.extend(row_ids.tolist())
    proto.linear_constraint_matrix.column_ids.extend(entries.indices.tolist())
    proto.linear_constraint_matrix.coefficients.extend(entries.data.tolist())
    return proto


def mps_text(model: LinearModel, *, title: str, comments: tuple[str, ...] = ()) -> str:
    """Write a model in free MPS format, which every solver reads.

    MPS minimises, so the objective is written negated: the optimum of the file is minus the
    optimum of the model.

    Parameters
    ----------
    model
        The model; rows need at least one finite bound.
    title
        Name of the model, without spaces.
    comments
        Lines put in front.

    Returns
    -------
    str
        The text of the file, ending in a line break.
    """
    lines = [f"* {comment}" for comment in comments]
    lines += [f"NAME {title}", "ROWS", " N objective_negated"]
    kinds = [
        _row_kind(low, high) for low, high in zip(model.row_lower, model.row_upper, strict=True)
    ]
    lines += [f" {kind} {name}" for kind, name in zip(kinds, model.row_names, strict=True)]
    lines += ["COLUMNS", *_column_lines(model), "RHS", *_right_hand_lines(model, kinds)]
    lines += ["BOUNDS", *_bound_lines(model), "ENDATA"]
    return "\n".join(lines) + "\n"


def _row_kind(low: float, high: float) -> str:
    if low == high:
        return "E"
    if math.isinf(low) and not math.isinf(high):
        return "L"
    if math.isinf(high) and not math.isinf(low):
        return "G"
    raise ValueError("a row of the model must be an equality or have one finite bound")


def _column_lines(model: LinearModel) -> list[str]:
    columns = csc_matrix(model.matrix)
    columns.sort_indices()
    lines: list[str] = []
    marked = False
    for number, name in enumerate(model.names):
        if bool(model.integer[number]) != marked:
            marked = not marked
            lines.append(f" MARKER 'MARKER' '{'INTORG' if marked else 'INTEND'}'")
        if model.objective[number]:
            lines.append(f" {name} objective_negated {-float(model.objective[number])!r}")
        start, end = columns.indptr[number], columns.indptr[number + 1]
        lines += [
            f" {name} {model.row_names[row]} {value!r}"
            for row, value in zip(
                columns.indices[start:end].tolist(), columns.data[start:end].tolist(), strict=True
            )
        ]
    if marked:
        lines.append(" MARKER 'MARKER' 'INTEND'")
    return lines


def _right_hand_lines(model: LinearModel, kinds: list[str]) -> list[str]:
    sides = np.where(np.array(kinds) == "G", model.row_lower, model.row_upper).tolist()
    return [
        f" RHS {name} {side!r}" for name, side in zip(model.row_names, sides, strict=True) if side
    ]


def _bound_lines(model: LinearModel) -> list[str]:
    lines = []
    for name, low, high in zip(
        model.names, model.lower.tolist(), model.upper.tolist(), strict=True
    ):
        if low:
            lines.append(f" LO BND {name} {low!r}")
        if not math.isinf(high):
            lines.append(f" UP BND {name} {high!r}")
    return lines
