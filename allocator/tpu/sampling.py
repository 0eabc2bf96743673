"""Draw a roster at random among those nearly as good as the best.

A watched pattern can be planned around. Among rosters whose objective is within a share
epsilon of the best there are very many: the same boroughs on other days, or a borough of almost
the same risk instead. A symmetric random walk (Metropolis et al. 1953: exchange the boroughs of
two shifts, send one shift elsewhere, or move one to another team or day; stay when a rule or the
floor would break) has the uniform distribution over all rosters it can reach. Frozen and
overridden shifts and those that answer a request stay.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from allocator.tpu.duty import DutyTable
from allocator.tpu.problem import RosterProblem, Slot

#: Steps before the first roster counts, and in all.
BURN_IN = 4_000
STEPS = 24_000
#: Every so many steps a roster is counted.
THIN = 20
#: What a team does on a day off, beside the positions of boroughs.
RESTS = -1


@dataclass(frozen=True)
class Draw:
    """A drawn roster and what the walk met on the way.

    Attributes
    ----------
    visits
        Borough of every slot on duty.
    open_slots, free_shifts
        Slots that the walk could alter, and how many of them are on duty.
    steps, samples, distinct
        Length of the walk; rosters looked at on the way; how many of them differ.
    outcomes
        For each open slot, how often each borough (or -1, a day off) was met.
    met
        How often an open slot of a day visited a borough, by day and borough.
    """

    visits: dict[Slot, int]
    open_slots: tuple[Slot, ...]
    free_shifts: int
    steps: int
    samples: int
    distinct: int
    outcomes: dict[Slot, Counter[int]]
    met: Counter[tuple[int, int]]

    @property
    def entropy_bits(self) -> float:
        """Mean over the open slots of the entropy of what the team does; 0 without any."""
        if not self.open_slots:
            return 0.0
        return sum(_entropy(seen) for seen in self.outcomes.values()) / len(self.open_slots)

    @property
    def highest_chance(self) -> float:
        """Highest share of the rosters in which one borough is visited on one day."""
        if not self.free_shifts:
            return 1.0
        return max(self.met.values()) / self.samples


class _Walk:
    """The state of the walk: who is where, how often, and what that is worth."""

    def __init__(self, problem: RosterProblem, visits: Mapping[Slot, int], floor: int) -> None:
        rules = problem.request.rules
        self.most, self.apart, self.floor = rules.most_visits, rules.days_between_visits, floor
        self.visits = dict(visits)
        self.duty = DutyTable(problem, visits)
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

    def exchange(self, one: Slot, other: Slot) -> None:
        """Exchange the boroughs of two shifts."""
        if one == other:
            return
        here, there = self._leave(one), self._leave(other)
        if self._admits(one, there):
            self._enter(one, there)
            if self._admits(other, here):
                self._enter(other, here)
                return
            self._leave(one)
        self._enter(one, here)
        self._enter(other, there)

    def send(self, slot: Slot, borough: int) -> None:
        """Send a shift to a borough."""
        before = self._leave(slot)
        if self._admits(slot, borough):
            self._enter(slot, borough)
            if self.worth >= self.floor:
                return
            self._leave(slot)
        self._enter(slot, before)

    def move(self, before: Slot, after: Slot) -> bool:
        """Move a shift with its borough to a slot off duty; say whether it moved."""
        if not {before, after} <= self.duty.movable or not self.duty.moved(before, after):
            return False
        borough = self._leave(before)
        if self._admits(after, borough):
            self._enter(after, borough)
            return True
        self._enter(before, borough)
        self.duty.remove(after)
        self.duty.add(before)
        return False

    def _leave(self, slot: Slot) -> int:
        borough = self.visits.pop(slot)
        self.days[borough].remove(slot[1])
        self.worth -= self.value[borough][len(self.days[borough])]
        return borough

    def _enter(self, slot: Slot, borough: int) -> None:
        self.worth += self.value[borough][len(self.days[borough])]
        self.days[borough].append(slot[1])
        self.visits[slot] = borough

    def _admits(self, slot: Slot, borough: int) -> bool:
        days = self.days[borough]
        if len(days) - self.past[borough] >= self.most:
            return False
        return all(abs(day - slot[1]) > self.apart for day in days)


def draw_roster(
    problem: RosterProblem,
    visits: Mapping[Slot, int],
    *,
    kept: Collection[Slot],
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
    kept
        Slots that stay as they are: frozen, overridden or answering a request.
    floor
        Least worth in millionths.
    rng
        The only source of randomness.
    steps
        Length of the walk.
    """
    walk = _Walk(problem, visits, floor)
    open_slots = tuple(slot for slot in problem.slots if slot not in kept)
    on = [slot for slot in open_slots if slot in walk.visits]
    off = [slot for slot in open_slots if slot not in walk.visits]
    outcomes: dict[Slot, Counter[int]] = {slot: Counter() for slot in open_slots}
    if not on:
        return Draw(walk.visits, open_slots, 0, 0, 1, 1, outcomes, Counter())
    met: Counter[tuple[int, int]] = Counter()
    seen: set[tuple[int, ...]] = set()
    moves = _moves(problem, len(on), len(off), rng, steps)
    burn_in = min(BURN_IN, steps // 2)
    for step, (kind, one, other, target) in enumerate(moves):
        if kind == 0:
            walk.exchange(on[one], on[other])
        elif kind == 1:
            walk.send(on[one], target)
        elif off and walk.move(on[one], off[other]):
            on[one], off[other] = off[other], on[one]
        if step >= burn_in and step % THIN == 0:
            state = tuple(walk.visits.get(slot, RESTS) for slot in open_slots)
            seen.add(state)
            for slot, where in zip(open_slots, state, strict=True):
                outcomes[slot][where] += 1
                if where != RESTS:
                    met[slot[1], where] += 1
    samples = outcomes[open_slots[0]].total()
    return Draw(walk.visits, open_slots, len(on), steps, samples, len(seen), outcomes, met)


def _moves(
    problem: RosterProblem, n_on: int, n_off: int, rng: np.random.Generator, steps: int
) -> list[list[int]]:
    """Return kind of move, shift, other shift or slot off duty, and borough of every step."""
    kinds = rng.integers(0, 3, size=steps)
    others = np.where(
        kinds == 2, rng.integers(0, max(n_off, 1), size=steps), rng.integers(0, n_on, size=steps)
    )
    targets = rng.integers(0, len(problem.codes), size=steps)
    table = np.column_stack([kinds, rng.integers(0, n_on, size=steps), others, targets])
    moves: list[list[int]] = table.tolist()
    return moves


def _entropy(seen: Counter[int]) -> float:
    total = seen.total()
    return -sum(n / total * math.log2(n / total) for n in seen.values())
