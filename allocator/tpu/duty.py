"""Which team may be given a further day of duty: the rules of duty, looked up day by day."""

from __future__ import annotations

from collections.abc import Iterable

from allocator.tpu.problem import RosterProblem, Slot
from allocator.tpu.request import DAYS_OFF_WINDOW


class DutyTable:
    """The days of duty of every team, past ones included, while they are being altered.

    Officers who go with any team are left out of account: :attr:`movable` names the slots that a
    team can work with its own officers.
    """

    def __init__(self, problem: RosterProblem, slots: Iterable[Slot]) -> None:
        rules = problem.request.rules
        self._n_days, self._tired = len(problem.days), problem.tired
        self._windows = (
            (rules.most_days_in_a_row + 1, rules.most_days_in_a_row),
            (DAYS_OFF_WINDOW, DAYS_OFF_WINDOW - rules.days_off),
        )
        self._least, self._difference = rules.least_teams_a_day, rules.most_duty_difference
        self._days = [set(problem.past_duty[t]) for t in range(len(problem.teams))]
        self._worked = [0] * len(problem.teams)
        self._on_day = [0] * self._n_days
        self.movable = frozenset(
            slot
            for slot in problem.slots
            if problem.sergeants[slot] >= 1
            and problem.constables[slot] >= rules.least_constables
            and slot not in problem.fixed
        )
        for slot in slots:
            self.add(slot)

    def add(self, slot: Slot) -> None:
        """Give a team a day of duty."""
        t, d = slot
        self._days[t].add(d)
        self._worked[t] += 1
        self._on_day[d] += 1

    def remove(self, slot: Slot) -> None:
        """Take a day of duty away."""
        t, d = slot
        self._days[t].remove(d)
        self._worked[t] -= 1
        self._on_day[d] -= 1

    def moved(self, before: Slot, after: Slot) -> bool:
        """Move a day of duty to a free slot if every rule still holds; say whether it did."""
        self.remove(before)
        self.add(after)
        if (
            self._on_day[before[1]] >= self._least
            and max(self._worked) - min(self._worked) <= self._difference
            and self._rested(after)
        ):
            return True
        self.remove(after)
        self.add(before)
        return False

    def _rested(self, slot: Slot) -> bool:
        t, d = slot
        days = self._days[t]
        if (d - 1 in days and (t, d - 1, t) in self._tired) or (
            d + 1 in days and (t, d, t) in self._tired
        ):
            return False
        for length, most in self._windows:
            for last in range(d, min(d + length, self._n_days)):
                if sum(day in days for day in range(last - length + 1, last + 1)) > most:
                    return False
        return True
