"""The master problem of the outer approximation: rules, and tangent planes on coverage.

Beside the columns it has one variable a borough, the demand reached there, held down by the
tangents gathered so far. A coverage floor is a lower bound of those variables: a placement that
only seems to keep it teaches the master its own tangents and is cut off.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack, vstack

from allocator.plan_problem import PlanProblem
from allocator.solver.linear_model import LinearModel

Floats = NDArray[np.float64]
NEGLIGIBLE_COEFFICIENT = 1e-12
MAX_SLACK = 2e-3  # of a tangent worth keeping, in shares of London's demand


class Master:
    """The master problem: partition rows, class counts, and the tangents gathered so far."""

    def __init__(self, problem: PlanProblem) -> None:
        self._problem = problem
        self._n_groups = len(problem.world.borough_codes)
        self._points = [
            np.flatnonzero(problem.borough_of_point == group) for group in range(self._n_groups)
        ]
        self._coefficients: list[Floats] = []
        self._sides: list[float] = []
        self._groups: list[int] = []
        self._names: list[str] = []
        self._rounds = 0
        self._n_pinned = 0
        self._forbidden: list[NDArray[np.intp]] = []
        self._relaxed: tuple[float, Floats] | None = None
        self.open_columns = np.ones(len(problem.masks), dtype=np.bool_)

    def remember(self, relaxed_bound: float, reduced_costs: Floats) -> None:
        """Keep the optimum of the linear relaxation and its reduced costs, (n_columns,)."""
        self._relaxed = (relaxed_bound, reduced_costs)

    def open_for(self, objective: float, chosen: NDArray[np.intp]) -> None:
        """Close the columns that no plan of at least ``objective`` can use, but never ``chosen``.

        Reduced-cost fixing: a column costs the relaxation at least its reduced cost.
        """
        if self._relaxed is None:
            return
        relaxed_bound, costs = self._relaxed
        self.open_columns = costs >= objective - relaxed_bound - 1e-9
        self.open_columns[chosen] = True

    def forbid(self, columns: NDArray[np.intp]) -> None:
        """Cut off one choice that breaks the floor by less than the solver can see."""
        self._forbidden.append(columns)

    def add_tangents(self, chosen: Floats, estimate: Floats | None = None) -> int:
        """Add a borough's tangent at a (possibly fractional) choice where it says something new.

        Parameters
        ----------
        chosen
            float (n_columns,).
        estimate
            float (n_boroughs,): what the master believed each borough contributes; only
            boroughs it overestimated get a tangent.

        Returns
        -------
        int
            How many tangents were new.
        """
        problem, added = self._problem, 0
        total = problem.exposure @ chosen
        slope = problem.worth * np.exp(-total)
        value = -problem.worth * np.expm1(-total)
        for group, points in enumerate(self._points):
            if estimate is not None and estimate[group] <= value[points].sum() + 1e-8:
                continue
            coefficients = slope[points] @ problem.exposure[points]
            small = coefficients < NEGLIGIBLE_COEFFICIENT
            slack = NEGLIGIBLE_COEFFICIENT * self._n_groups * bool(small.any())
            side = float((value[points] - slope[points] * total[points]).sum()) + slack
            self._coefficients.append(np.where(small, 0.0, coefficients))
            self._sides.append(side)
            self._groups.append(group)
            self._names.append(f"tangent_{problem.world.borough_codes[group]}_{self._rounds}")
            added += 1
        self._rounds += 1
        return added

    def pin(self) -> None:
        """Keep the tangents gathered so far for good."""
        self._n_pinned = len(self._sides)

    def drop_slack(self, chosen: Floats, estimate: Floats) -> None:
        """Drop the tangents that say nothing near an optimum of the linear relaxation.

        Those gathered before :meth:`pin` stay: they belong to plans the search has seen.

        Parameters
        ----------
        chosen, estimate
            float (n_columns,) and (n_boroughs,): that optimum.
        """
        slack = (
            np.array(self._sides)
            + np.array(self._coefficients) @ chosen
            - estimate[np.array(self._groups, dtype=np.intp)]
        )
        slack[: self._n_pinned] = 0.0
        keep = np.flatnonzero(slack <= MAX_SLACK).tolist()
        self._coefficients = [self._coefficients[cut] for cut in keep]
        self._sides = [self._sides[cut] for cut in keep]
        self._groups = [self._groups[cut] for cut in keep]
        self._names = [self._names[cut] for cut in keep]

    def model(self, scale: float = 1.0) -> LinearModel:
        """Return the master as it stands, coverage times ``scale``; closed columns are 0."""
        problem = self._problem
        n_columns = len(problem.masks)
        rows, low, high, names = self._rules()
        tangents, sides = self._tangent_rows(scale)
        worth = problem.by_borough(problem.worth)
        codes = problem.world.borough_codes
        return LinearModel(
            matrix=csr_matrix(
                vstack([tangents, hstack([rows, csr_matrix((rows.shape[0], self._n_groups))])])
            ),
            row_lower=np.concatenate([np.full(len(sides), -np.inf), low]),
            row_upper=np.concatenate([sides, high]),
            lower=np.concatenate([np.zeros(n_columns), scale * problem.floor * worth]),
            upper=np.concatenate([self.open_columns.astype(float), np.full(self._n_groups, scale)]),
            objective=np.concatenate([np.zeros(n_columns), self._with_demand()]),
            integer=np.arange(n_columns + self._n_groups) < n_columns,
            row_names=(*self._names, *names),
            names=(*column_names(problem), *(f"coverage_{code}" for code in codes)),
        )

    def pricing(self, relaxed: Floats, worth: Floats, *, floored: bool = False) -> LinearModel:
        """Return the rules with columns priced by the slopes of coverage at a relaxed choice.

        Parameters
        ----------
        relaxed
            float (n_columns,).
        worth
            float (n_points, n_columns): what the exposure of a point to a column counts for.
        floored
            Add the tangents there that the coverage floor must lie below.
        """
        problem = self._problem
        rows, low, high, names = self._rules()
        total = problem.exposure @ relaxed
        if floored:
            floors, sides = self._floor_rows(total)
            rows = csr_matrix(vstack([rows, floors]))
            low = np.concatenate([low, sides])
            high = np.concatenate([high, np.full(self._n_groups, np.inf)])
            names += tuple(f"floor_{code}" for code in problem.world.borough_codes)
        n_columns = len(problem.masks)
        return LinearModel(
            rows,
            low,
            high,
            np.zeros(n_columns),
            np.ones(n_columns),
            (problem.demand * np.exp(-total)) @ worth,
            np.ones(n_columns, dtype=np.bool_),
            names,
            column_names(problem),
        )

    def _floor_rows(self, total: Floats) -> tuple[csr_matrix, Floats]:
        """Tangents of the boroughs' coverage at an exposure, which the floor must lie below."""
        problem = self._problem
        slope = problem.worth * np.exp(-total)
        value = problem.by_borough(-problem.worth * np.expm1(-total) - slope * total)
        floors = np.stack([slope[points] @ problem.exposure[points] for points in self._points])
        scale = 1.0 / problem.by_borough(problem.worth)
        return csr_matrix(floors * scale[:, None]), problem.floor - value * scale

    def _tangent_rows(self, scale: float) -> tuple[csr_matrix, Floats]:
        n_cuts = len(self._sides)
        reach = csr_matrix(
            (np.ones(n_cuts), (np.arange(n_cuts), self._groups)), shape=(n_cuts, self._n_groups)
        )
        tangents = hstack([csr_matrix(-scale * np.array(self._coefficients)), reach])
        return csr_matrix(tangents), scale * np.array(self._sides)

    def _with_demand(self) -> Floats:
        """1 for boroughs with demand; the others count for the floor alone."""
        demand = self._problem.by_borough(self._problem.demand)
        return (demand > 0).astype(float)

    def _rules(self) -> tuple[csr_matrix, Floats, Floats, tuple[str, ...]]:
        rows, low, high, names = rule_rows(self._problem)
        if not self._forbidden:
            return rows, low, high, names
        cuts = np.zeros((len(self._forbidden), rows.shape[1]))
        for row, columns in enumerate(self._forbidden):
            cuts[row, columns] = 1.0
        return (
            csr_matrix(vstack([rows, csr_matrix(cuts)])),
            np.concatenate([low, np.full(len(cuts), -np.inf)]),
            np.concatenate([high, cuts.sum(axis=1) - 1.0]),
            (*names, *(f"below_the_floor_{row}" for row in range(len(cuts)))),
        )


def column_names(problem: PlanProblem) -> tuple[str, ...]:
    """Return the name of each column: its area as a mask and its class."""
    return tuple(
        f"area_{mask:x}_class_{position}"
        for mask, position in zip(problem.masks, problem.class_of.tolist(), strict=True)
    )


def rule_rows(problem: PlanProblem) -> tuple[csr_matrix, Floats, Floats, tuple[str, ...]]:
    """Return rows, bounds and names: partition, units of each class, units that stay."""
    n_classes = len(problem.classes)
    counts = np.array([float(len(group.units)) for group in problem.classes])
    in_class = (problem.class_of == np.arange(n_classes)[:, None]).astype(float)
    rows = [problem.members, in_class]
    low = [np.ones(len(problem.members)), counts]
    high = [np.ones(len(problem.members)), counts]
    names = [f"borough_{code}" for code in problem.world.borough_codes]
    names += [f"units_of_class_{position}" for position in range(n_classes)]
    if problem.min_kept > 0:
        rows.append(problem.kept[None, :].astype(float))
        low.append(np.array([float(problem.min_kept)]))
        high.append(np.array([np.inf]))
        names.append("units_that_keep_their_area")
    return csr_matrix(np.vstack(rows)), np.concatenate(low), np.concatenate(high), tuple(names)
