"""Refuse what-ifs that cannot be solved: shapes, values and limits of the location models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from allocator.errors import PlanningRefusedError

MAX_TOTAL_DEMAND = 2**53  # sums stay exact in the solver's floating point


class LocationRefusedError(PlanningRefusedError):
    """The input of a location model is malformed or asks for the impossible."""


def checked_covers(covers: ArrayLike) -> NDArray[np.bool_]:
    """Return a cover table as bool (n_demand, n_sites).

    Raises
    ------
    LocationRefusedError
        It is not a table, is empty, or holds values other than true and false.
    """
    table = np.asarray(covers)
    _check_table(table, "covers")
    if table.dtype == np.bool_:
        return table
    if table.dtype.kind not in "iuf" or not np.isin(table, (0, 1)).all():
        raise LocationRefusedError(
            "covers holds values other than true and false",
            remedy="compare times or distances with the standard first: covers = times <= standard",
        )
    return table.astype(np.bool_)


def checked_costs(costs: ArrayLike) -> NDArray[np.float64]:
    """Return distances or times as float (n_demand, n_sites).

    Raises
    ------
    LocationRefusedError
        It is not a table, is empty, or holds a negative or infinite value or none.
    """
    table = np.asarray(costs)
    _check_table(table, "the table of distances")
    if table.dtype.kind not in "iuf":
        raise LocationRefusedError(
            f"the table of distances holds {table.dtype}, not numbers",
            remedy="give distances in metres or times in seconds",
        )
    table = table.astype(np.float64)
    bad = np.argwhere(~(np.isfinite(table) & (table >= 0)))
    if len(bad):
        point, site = bad[0].tolist()
        raise LocationRefusedError(
            f"the distance from demand point {point} to site {site} is {table[point, site]}, "
            "not a finite number of 0 or more",
            remedy="correct it, or leave out points and sites that no road joins",
        )
    return table


def checked_demand(demand: ArrayLike, n_demand: int) -> NDArray[np.int64]:
    """Return demand as int64 (n_demand,).

    Raises
    ------
    LocationRefusedError
        Another length, or a value that is negative, not a number or not whole.
    """
    weights = checked_weights(demand, n_demand)
    broken = np.flatnonzero(weights != np.floor(weights))
    if len(broken):
        raise LocationRefusedError(
            f"the demand of point {broken[0]} is {weights[broken[0]]:g}, not a whole number",
            remedy="count incidents, or multiply and round, so that the optimum is exact",
        )
    exact = np.asarray(demand)
    total = sum(int(value) for value in exact.tolist())
    if total > MAX_TOTAL_DEMAND:
        raise LocationRefusedError(
            f"the demand sums to {total}, more than {MAX_TOTAL_DEMAND}",
            remedy="give demand in larger units",
        )
    return exact.astype(np.int64)


def checked_weights(demand: ArrayLike, n_demand: int) -> NDArray[np.float64]:
    """Return demand as float (n_demand,).

    Raises
    ------
    LocationRefusedError
        Another length, or a value that is negative or not a finite number.
    """
    given = np.asarray(demand)
    if given.shape != (n_demand,):
        raise LocationRefusedError(
            f"demand has the shape {given.shape}, the table has {n_demand} demand points",
            remedy="give one value a demand point, in the order of the rows",
        )
    if given.dtype.kind not in "iuf":
        raise LocationRefusedError(
            f"demand holds {given.dtype}, not numbers", remedy="give numbers of 0 or more"
        )
    weights = given.astype(np.float64)
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(bad):
        raise LocationRefusedError(
            f"the demand of point {bad[0]} is {weights[bad[0]]:g}, not a number of 0 or more",
            remedy="correct it, or leave the point out",
        )
    return weights


def checked_search(
    n_sites: int, n_units: int, keep: Sequence[int], time_limit_s: float
) -> tuple[int, ...]:
    """Return the kept sites in order, once the search is possible.

    Raises
    ------
    LocationRefusedError
        ``n_units`` is not a whole number from 1 to ``n_sites``, ``keep`` names an unknown
        site or more than ``n_units``, or the time limit is not positive.
    """
    checked_time_limit(time_limit_s)
    whole = isinstance(n_units, int | np.integer) and not isinstance(n_units, bool)
    if not whole or not 1 <= n_units <= n_sites:
        raise LocationRefusedError(
            f"n_units is {n_units!r}, but there are {n_sites} sites",
            remedy=f"place a whole number of units from 1 to {n_sites}",
        )
    kept = checked_keep(n_sites, keep)
    if len(kept) > n_units:
        raise LocationRefusedError(
            f"{len(kept)} sites are to be kept, but only {n_units} units are placed",
            remedy="keep fewer sites, or place more units",
        )
    return kept


def checked_keep(n_sites: int, keep: Sequence[int]) -> tuple[int, ...]:
    """Return the kept sites, ascending and once each.

    Raises
    ------
    LocationRefusedError
        A site is unknown.
    """
    for site in keep:
        if isinstance(site, bool) or not isinstance(site, int | np.integer):
            raise LocationRefusedError(
                f"keep names the site {site!r}", remedy="name sites by number, from 0"
            )
        if not 0 <= site < n_sites:
            raise LocationRefusedError(
                f"keep names site {site}, but the sites are 0 to {n_sites - 1}",
                remedy="name sites by the number of their column, from 0",
            )
    return tuple(sorted({int(site) for site in keep}))


def checked_time_limit(time_limit_s: float) -> None:
    """Refuse a time limit that is not a positive number of seconds.

    Raises
    ------
    LocationRefusedError
        The limit is 0, negative or not a number.
    """
    if not time_limit_s > 0:
        raise LocationRefusedError(
            f"the time limit is {time_limit_s} s", remedy="allow more than 0 s, for example 60"
        )


def _check_table(table: NDArray[np.generic], what: str) -> None:
    if table.ndim != 2 or 0 in table.shape:
        raise LocationRefusedError(
            f"{what} has the shape {table.shape}",
            remedy="give a table with a row for every demand point and a column for every site",
        )
