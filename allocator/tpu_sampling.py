"""Draw a roster at random among those nearly as good as the best.

A watched pattern can be planned around. Among rosters whose objective is within a share
epsilon of the best there are very many: the same boroughs on other days, or a borough of almost
the same risk instead. A symmetric random walk (Metropolis et al. 1953: exchange the boroughs of
two shifts, or send one shift elsewhere; stay when a rule or the floor would break) has the
uniform distribution over all rosters it can reach. Days of duty are drawn before the walk and
stay; frozen and overridden shifts and those that answer a request stay too.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from allocator.tpu_problem import RosterProblem, Slot

#: Steps before the first roster counts, and in all.
BURN_IN = 4_000
STEPS = 24_000
#: Every so many steps a roster is counted.
THIN = 20


@dataclass(frozen=True)
class Draw:
    """A drawn roster and what the walk met on the way.

    ``chance`` holds, for each free slot, how often each borough was met.
    """

    visits: dict[Slot, int]
    free: tuple[Slot, ...]
    steps: int
    samples: int
    distinct: int
    chance: dict[Slot, Counter[int]]

    @property
    def entropy_bits(self) -> float:
        """Mean over the free shifts of the entropy of the borough; 0 without any."""
        if not self.free:
            return 0.0
        return sum(_entropy(self.chance[slot]) for slot in self.free) / len(self.free)

    @property
    def highest_chance(self) -> float:
        """Highest share of any one borough for any one free shift; 1 without any."""
        if not self.free:
            return 1.0
        return max(max(seen.values()) / seen.total() for seen in self.chance.values())


class _Walk:
    """The state of the walk: who is where, how often, and what that is worth."""

    def __init__(self, problem: RosterProblem, visits: Mapping[Slot, int]) -> None:
        rules = problem.request.rules
        self.most, self.apart = rules.most_visits, rules.days_between_visits
        self.visits = dict(visits)
        self.days: list[list[int]] = [list(days) for days in problem.past_visits]
        self.past = [len(days) for days in problem.past_visits]
        n_levels = max(self.past) + len(problem.slots) + 1
        self.value = [
            [problem.points(b, visit) for visit in range(n_levels)]
            for b in range(len(problem.codes))
        ]
        for (_, day), b in self.visits.items():
            self.days[b].append(day)
        self.worth = problem.total_points(Counter(self.visits.values()))

    def leave(self, slot: Slot) -> int:
        borough = self.visits.pop(slot)
        self.days[borough].remove(slot[1])
        self.worth -= self.value[borough][len(self.days[borough])]
        return borough

    def enter(self, slot: Slot, borough: int) -> None:
        self.worth += self.value[borough][len(self.days[borough])]
        self.days[borough].append(slot[1])
        self.visits[slot] = borough

    def admits(self, slot: Slot, borough: int) -> bool:
        days = self.days[borough]
        if len(days) - self.past[borough] >= self.most:
            return False
        return all(abs(day - slot[1]) > self.apart for day in days)


def draw_roster(
    problem: RosterProblem,
    visits: Mapping[Slot, int],
    *,
    free: Sequence[Slot],
    floor: int,
    rng: np.random.Generator,
    steps: int = STEPS,
) -> Draw:
    """Walk at random from a roster and return where the walk ends.

    Parameters
    ----------
    problem
        The facts.
    visits
        A roster that keeps every rule and is worth at least ``floor``.
    free
        Slots on duty whose borough may change.
    floor
        Least worth in millionths.
    rng
        The only source of randomness.
    steps
        Length of the walk.
    """
    walk = _Walk(problem, visits)
    slots = sorted(free)
    chance: dict[Slot, Counter[int]] = {slot: Counter() for slot in slots}
    seen: set[tuple[int, ...]] = set()
    if not slots:
        return Draw(walk.visits, (), 0, 1, 1, {})
    n_boroughs = len(problem.codes)
    burn_in = min(BURN_IN, steps // 2)
    picks = rng.integers(0, len(slots), size=(steps, 2)).tolist()
    targets = rng.integers(0, n_boroughs, size=steps).tolist()
    exchanges = (rng.random(steps) < 0.5).tolist()
    for step in range(steps):
        one, other = slots[picks[step][0]], slots[picks[step][1]]
        if exchanges[step]:
            _exchange(walk, one, other, floor)
        else:
            _send(walk, one, targets[step], floor)
        if step >= burn_in and step % THIN == 0:
            for slot in slots:
                chance[slot][walk.visits[slot]] += 1
            seen.add(tuple(walk.visits[slot] for slot in slots))
    samples = chance[slots[0]].total()
    return Draw(walk.visits, tuple(slots), steps, samples, len(seen), chance)


def _exchange(walk: _Walk, one: Slot, other: Slot, floor: int) -> None:
    if one == other:
        return
    here, there = walk.leave(one), walk.leave(other)
    if walk.admits(one, there):
        walk.enter(one, there)
        if walk.admits(other, here):
            walk.enter(other, here)
            if walk.worth >= floor:
                return
            walk.leave(other)
        walk.leave(one)
    walk.enter(one, here)
    walk.enter(other, there)


def _send(walk: _Walk, slot: Slot, borough: int, floor: int) -> None:
    before = walk.leave(slot)
    if walk.admits(slot, borough):
        walk.enter(slot, borough)
        if walk.worth >= floor:
            return
        walk.leave(slot)
    walk.enter(slot, before)


def _entropy(seen: Counter[int]) -> float:
    total = seen.total()
    return -sum(n / total * math.log2(n / total) for n in seen.values())
