"""Choose p sites to proven optimality: Lagrangian bounds, swaps, branch and bound.

The maximal covering location problem and the p-median problem relax to the same shape. With a
multiplier for every demand point, the best choice is simply the p sites of the highest score,

    bound(u) = constant(u) + sum of the p highest site scores(u),

and the least of these bounds over u equals the linear relaxation (Cornuejols, Fisher and
Nemhauser 1977; Beasley 1993). Subgradient steps approach it, swaps of one site (Teitz and Bart
1968) give good choices, and sites that no better choice can use (or do without) are fixed by
their score. What is left is closed by branch and bound, best bound first.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Sites = NDArray[np.intp]
Watch = Callable[[float, float], None]  #: told objective and bound; may raise KeyboardInterrupt
#: ``optimal`` is proven; ``timed_out`` is the best choice when the time was over.
Status = Literal["optimal", "timed_out"]

FREE, INSIDE, OUTSIDE = 0, 1, -1
ROOT_STEPS = 600
NODE_STEPS = 60
FIRST_STEP, FIRST_STEP_OF_NODE = 2.0, 0.5  # shares of the gap (Polyak's step length)
OFFER_EVERY = 5  # steps between choices that are tried as solutions
HALVE_AFTER = 15  # steps without a better bound before the step length is halved
SHORTEST_STEP = 1e-3
MOMENTUM = 0.3  # share of the last direction kept (Camerini, Fratta and Maffioli 1975)
MEMORY = 0.9  # of the running frequency of a site among the chosen
ROUNDING = 1e-10


class SiteProblem(Protocol):
    """What the search needs to know of a problem; values are maximised.

    Attributes
    ----------
    n_sites
        Number of candidate sites.
    lowest, highest
        float (n_demand,): bounds of the multipliers; the scores hold only within them.
    whole
        Whether every value is a whole number.
    """

    n_sites: int
    lowest: Floats
    highest: Floats
    whole: bool

    def start(self) -> Floats:
        """Return first multipliers, float (n_demand,)."""

    def scores(self, multipliers: Floats) -> tuple[float, Floats]:
        """Return the constant and the score of every site, float (n_sites,)."""

    def served(self, multipliers: Floats, sites: Sites) -> Floats:
        """Return how many of the sites claim each demand point, float (n_demand,)."""

    def value(self, sites: Sites) -> float:
        """Return the exact value of a choice."""

    def swap_gains(self, sites: Sites) -> Floats:
        """Return the change of value when a site comes for a chosen one, (n_sites, p)."""

    def restricted(self, sites: Sites) -> SiteProblem:
        """Return the problem on some of the sites only."""


@dataclass(frozen=True)
class Choice:
    """The best choice found and the proven upper bound of any.

    Attributes
    ----------
    sites
        int (p,), ascending.
    value, bound
        Value of the choice and proven limit, ``value <= bound``.
    status
        ``optimal``, or ``timed_out`` when time or nodes ran out.
    nodes
        Nodes of the search tree that were bounded.
    open_sites
        Sites, ascending, that a better choice could use.
    interrupted
        Whether Ctrl-C or the watch ended the search.
    """

    sites: Sites
    value: float
    bound: float
    status: Status
    nodes: int
    open_sites: Sites
    interrupted: bool = False


@dataclass(order=True)
class _Node:
    """A part of the search: which sites are inside, outside or free, and its bound."""

    key: float
    number: int
    bound: float = field(compare=False)
    state: NDArray[np.int8] = field(compare=False)
    multipliers: Floats = field(compare=False)


@dataclass(frozen=True)
class _Relaxed:
    """Where the subgradient steps of a node ended."""

    bound: float
    multipliers: Floats
    frequency: Floats


def choose(
    problem: SiteProblem,
    n_units: int,
    *,
    keep: Sequence[int] = (),
    time_limit_s: float,
    max_nodes: float = np.inf,
    watch: Watch | None = None,
) -> Choice:
    """Choose exactly ``n_units`` sites of the greatest value.

    Parameters
    ----------
    problem
        Values and Lagrangian bounds.
    n_units
        Sites to choose, 1 to ``problem.n_sites``.
    keep
        Sites that must be among them, for example stations that exist.
    time_limit_s
        Seconds from now; the best choice so far is returned when they are over.
    max_nodes
        End the search after so many nodes, as if the time were over.
    watch
        Told value and bound after every node of the search.

    Returns
    -------
    Choice
        Deterministic unless the time limit ended the search, or Ctrl-C (or ``watch``) did.

    Raises
    ------
    KeyboardInterrupt
        The search was interrupted before anything was proven.
    """
    search = _Search(problem, n_units, keep, time.monotonic() + time_limit_s, watch)
    try:
        search.run(max_nodes)
    except KeyboardInterrupt:
        if not search.interrupt():
            raise
    return search.choice()


class _Search:
    """State of one search; sites are renumbered whenever fixing leaves many of them outside."""

    def __init__(
        self,
        problem: SiteProblem,
        n_units: int,
        keep: Sequence[int],
        deadline: float,
        watch: Watch | None,
    ) -> None:
        self._watch, self._interrupted = watch, False
        self._open_node: _Node | None = None
        self._problem = problem
        self._n_units = n_units
        self._deadline = deadline
        self._names = np.arange(problem.n_sites)
        self._state = np.zeros(problem.n_sites, dtype=np.int8)
        self._state[list(keep)] = INSIDE
        self._heap: list[_Node] = []
        self._made = self._nodes = 0
        self._best = self._climb(self._greedy())
        self._value = problem.value(self._best)
        self._best_names = self._names[self._best]
        self._bound = np.inf

    def run(self, max_nodes: float) -> None:
        """Bound the root, then the open nodes, best bound first."""
        root = self._relax(self._state, self._problem.start(), ROOT_STEPS)
        self._bound = root.bound
        if self._closed(root.bound):
            return
        state = self._fixed(self._state, root)
        state, root = self._shrink(state, root)
        self._branch(state, root)
        self._tell()
        while self._heap and self._left_s() > 0 and self._nodes < max_nodes:
            node = self._open_node = heapq.heappop(self._heap)
            if self._closed(node.bound):
                self._heap.clear()
                break
            relaxed = self._relax(node.state, node.multipliers, NODE_STEPS)
            bounded = _Relaxed(
                min(relaxed.bound, node.bound), relaxed.multipliers, relaxed.frequency
            )
            if not self._closed(bounded.bound):
                self._branch(self._fixed(node.state, bounded), bounded)
            self._open_node = None
            self._tell()

    def interrupt(self) -> bool:
        """End the search now; whether a choice and a bound can be told."""
        if not self._made:
            return False
        if self._open_node is not None:  # what was not finished stays open
            heapq.heappush(self._heap, self._open_node)
        self._value = self._problem.value(self._best)
        self._best_names = self._names[self._best]
        self._deadline, self._interrupted = 0.0, True
        return True

    def _tell(self) -> None:
        """Report the best value and the bound over all that is open."""
        if self._watch is not None:
            left = max((node.bound for node in self._heap), default=self._value)
            self._watch(self._value, max(self._value, min(left, self._bound)))

    def choice(self) -> Choice:
        """Return the best choice, with the bound over all that was left open."""
        left = max((node.bound for node in self._heap), default=-np.inf)
        open_bound = self._bound if not self._made else left
        proven = self._closed(open_bound)
        bound = self._value if proven else max(self._value, min(open_bound, self._bound))
        status: Status = "optimal" if proven else "timed_out"
        return Choice(
            np.sort(self._best_names),
            self._value,
            bound,
            status,
            self._nodes,
            self._names,
            self._interrupted,
        )

    def _closed(self, bound: float) -> bool:
        """Whether nothing under this bound can be better than the best choice."""
        if self._problem.whole:
            return bound < self._value + 1 - 1e-6
        return bound <= self._value + ROUNDING * max(1.0, abs(self._value))

    def _left_s(self) -> float:
        return self._deadline - time.monotonic()

    def _greedy(self) -> Sites:
        """Add the site that gains most, one at a time (a first choice, never the answer)."""
        chosen = np.flatnonzero(self._state == INSIDE).tolist()
        _, scores = self._problem.scores(self._problem.start())
        order = np.argsort(-scores, kind="stable").tolist()
        chosen += [site for site in order if site not in set(chosen)]
        return np.sort(np.array(chosen[: self._n_units], dtype=np.intp))

    def _climb(self, sites: Sites) -> Sites:
        """Swap one site at a time for another while the value rises."""
        while True:
            gains = self._problem.swap_gains(sites)
            gains[sites] = -np.inf
            gains[self._state == OUTSIDE] = -np.inf
            gains[:, self._state[sites] == INSIDE] = -np.inf
            into, out = divmod(int(gains.argmax()), len(sites))
            least = 0.5 if self._problem.whole else ROUNDING * abs(self._problem.value(sites))
            if not gains[into, out] > least or self._left_s() <= 0:
                return sites
            sites = np.sort(np.append(np.delete(sites, out), into))

    def _offer(self, sites: Sites) -> None:
        """Keep a choice if it is, once climbed, the best."""
        value = self._problem.value(sites)
        if value <= self._value:
            return
        self._best = self._climb(sites)
        self._value = self._problem.value(self._best)
        self._best_names = self._names[self._best]

    def _chosen(self, state: NDArray[np.int8], scores: Floats) -> Sites:
        """Return the sites of the highest score that the state allows, ties by number."""
        inside = np.flatnonzero(state == INSIDE)
        free = np.flatnonzero(state == FREE)
        wanted = self._n_units - len(inside)
        top = free[np.argsort(-scores[free], kind="stable")[:wanted]]
        return np.sort(np.concatenate([inside, top]))

    def _relax(self, state: NDArray[np.int8], multipliers: Floats, steps: int) -> _Relaxed:
        """Lower the bound of a node by subgradient steps."""
        self._nodes += 1
        problem, idle = self._problem, 0
        length = FIRST_STEP if steps > NODE_STEPS else FIRST_STEP_OF_NODE
        best = _Relaxed(np.inf, multipliers, np.zeros(problem.n_sites))
        direction, frequency = np.zeros_like(multipliers), np.zeros(problem.n_sites)
        for step in range(steps):
            constant, scores = problem.scores(multipliers)
            sites = self._chosen(state, scores)
            bound = constant + float(scores[sites].sum())
            frequency *= MEMORY
            frequency[sites] += 1 - MEMORY
            idle = 0 if bound < best.bound else idle + 1
            best = _Relaxed(bound, multipliers, frequency) if bound < best.bound else best
            if self._closed(best.bound) or self._left_s() <= 0:
                break
            if step % OFFER_EVERY == 0:
                self._offer(sites)
            if idle >= HALVE_AFTER:
                length, idle, multipliers = length / 2, 0, best.multipliers
                direction[:] = 0.0
                if length < SHORTEST_STEP:
                    break
                continue
            direction = problem.served(multipliers, sites) - 1.0 + MOMENTUM * direction
            moved = self._moved(multipliers, direction, length * (bound - self._value))
            if moved is None:
                break
            multipliers = moved
        if not self._closed(best.bound):
            self._offer(self._climb(sites))
        return _Relaxed(best.bound, best.multipliers, frequency)

    def _moved(self, multipliers: Floats, direction: Floats, worth: float) -> Floats | None:
        """Step down the direction within the bounds; nothing when no step is left."""
        low, high = self._problem.lowest, self._problem.highest
        blocked = (multipliers <= low) & (direction > 0) | (multipliers >= high) & (direction < 0)
        moving = np.where(blocked, 0.0, direction)
        norm = float(moving @ moving)
        if norm == 0:
            return None
        return np.clip(multipliers - worth / norm * moving, low, high)

    def _fixed(self, state: NDArray[np.int8], relaxed: _Relaxed) -> NDArray[np.int8]:
        """Fix the free sites that every better choice must leave out, or must use."""
        constant, scores = self._problem.scores(relaxed.multipliers)
        chosen = self._chosen(state, scores)
        bound = constant + float(scores[chosen].sum())
        among = np.zeros(len(state), dtype=np.bool_)
        among[chosen] = True
        free_in, free_out = (state == FREE) & among, (state == FREE) & ~among
        if not free_in.any() or not free_out.any():
            return state
        least_in, most_out = float(scores[free_in].min()), float(scores[free_out].max())
        state = state.copy()
        for site in np.flatnonzero(free_out).tolist():
            if self._closed(bound - least_in + float(scores[site])):
                state[site] = OUTSIDE
        for site in np.flatnonzero(free_in).tolist():
            if self._closed(bound - float(scores[site]) + most_out):
                state[site] = INSIDE
        return state

    def _shrink(
        self, state: NDArray[np.int8], relaxed: _Relaxed
    ) -> tuple[NDArray[np.int8], _Relaxed]:
        """Drop the sites that are outside for good (the best choice keeps its own)."""
        stay = state != OUTSIDE
        stay[self._best] = True
        sites = np.flatnonzero(stay)
        self._problem = self._problem.restricted(sites)
        self._best = np.searchsorted(sites, self._best)
        self._names = self._names[sites]
        self._state = self._state[sites]
        return state[sites], _Relaxed(relaxed.bound, relaxed.multipliers, relaxed.frequency[sites])

    def _branch(self, state: NDArray[np.int8], relaxed: _Relaxed) -> None:
        """Split a node at the free site the relaxation is least sure of."""
        self._made += 1
        free = np.flatnonzero(state == FREE)
        wanted = self._n_units - int((state == INSIDE).sum())
        if wanted in (0, len(free)):  # nothing is left to decide
            self._offer(np.flatnonzero(state == INSIDE if wanted == 0 else state != OUTSIDE))
        if not 0 < wanted < len(free):
            return
        unsure = -np.abs(relaxed.frequency[free] - 0.5)
        site = int(free[unsure.argmax()])
        for side in (INSIDE, OUTSIDE):
            child = state.copy()
            child[site] = side
            self._made += 1
            heapq.heappush(
                self._heap,
                _Node(-relaxed.bound, self._made, relaxed.bound, child, relaxed.multipliers),
            )
