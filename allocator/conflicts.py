"""Why a request cannot be kept: a smallest set of the planner's rules that contradict each other.

A deletion filter (Chinneck and Dravnieks 1991) drops one named rule at a time and keeps only
those without which the rest could be kept: what is left is a conflict, and every rule of it is
needed. The relaxation is a smallest set of rules that makes the *whole* request possible when
dropped (several conflicts may overlap); rules that cost a planner least are dropped first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from allocator import coverage_floor, plan_request, restrictions
from allocator.errors import LockRefusedError, PlanInfeasibleError
from allocator.explanation import listed
from allocator.plan import Fleet
from allocator.plan_problem import PlanProblem, build_problem
from allocator.plan_world import World, unit_classes
from allocator.settings import PlanSettings
from allocator.solver.candidate_areas import WorkloadBounds
from allocator.solver.linear_model import LinearModel
from allocator.solver.linear_solve import solve_linear
from allocator.solver.master_problem import rule_rows

RuleKind = Literal["changes", "floor", "support", "exclude", "lock", "eligible"]
#: From the cheapest to relax to the dearest: a wish, then a decision, then what a unit can do.
KINDS: tuple[RuleKind, ...] = ("changes", "floor", "support", "exclude", "lock", "eligible")


@dataclass(frozen=True)
class Rule:
    """One thing the planner asked for.

    Attributes
    ----------
    kind
        What sort of rule it is.
    unit_id
        The unit it binds; empty for the limit on changes and the coverage floor.
    codes
        Borough codes: one for a lock or an exclusion, all for support and eligibility.
    text
        The rule in words.
    """

    kind: RuleKind
    unit_id: str
    codes: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class AskedRules:
    """A request taken apart: what it plans for, and the rules that may be dropped.

    ``previous`` holds each unit's area of the previous plan as a mask; ``ladder`` the workload
    bounds the planner tries in turn.
    """

    world: World
    fleet: Fleet
    settings: PlanSettings
    ladder: tuple[WorkloadBounds, ...]
    locks: Mapping[str, tuple[str, ...]]
    excludes: Mapping[str, tuple[str, ...]]
    support: Mapping[str, tuple[str, ...]]
    previous: Mapping[str, int]
    max_changes: int | None

    def rules(self) -> tuple[Rule, ...]:
        """Return every rule of the request, the dearest to relax last."""
        name = dict(zip(self.world.borough_codes, self.world.borough_names, strict=True))
        rules = [
            Rule("eligible", unit.unit_id, unit.eligible_boroughs, f"{unit.unit_id} may patrol "
                 f"only {_or([name[code] for code in unit.eligible_boroughs])}")
            for unit in self.fleet.units if unit.eligible_boroughs
        ]  # fmt: skip
        rules += [
            Rule("lock", unit_id, (code,), f"{unit_id} is locked to {name[code]}")
            for unit_id, codes in self.locks.items() for code in codes
        ]  # fmt: skip
        rules += [
            Rule("exclude", unit_id, (code,), f"{unit_id} is kept out of {name[code]}")
            for unit_id, codes in self.excludes.items() for code in codes
        ]  # fmt: skip
        rules += [
            Rule("support", unit_id, codes, f"{unit_id} is to support "
                 f"{listed([name[code] for code in codes])}")
            for unit_id, codes in self.support.items()
        ]  # fmt: skip
        if self.max_changes is not None:
            text = f"at most {self.max_changes} units may change their area"
            rules.append(Rule("changes", "", (), text))
        if self.settings.coverage_floor > 0.0:
            text = f"the coverage floor of {self.settings.coverage_floor:.1%} for every borough"
            rules.append(Rule("floor", "", (), text))
        return tuple(sorted(rules, key=lambda r: (KINDS.index(r.kind), r.unit_id, r.codes)))

    def with_only(self, rules: Sequence[Rule]) -> AskedRules:
        """Return the request with these of its rules alone."""
        held = set(rules)
        bound = {rule.unit_id for rule in held if rule.kind == "eligible"}
        units = tuple(
            unit if unit.unit_id in bound else replace(unit, eligible_boroughs=())
            for unit in self.fleet.units
        )
        changes = any(rule.kind == "changes" for rule in held)
        floored = any(rule.kind == "floor" for rule in held)
        return replace(
            self,
            fleet=replace(self.fleet, units=units),
            locks=_gathered(held, "lock"),
            excludes=_gathered(held, "exclude"),
            support=_gathered(held, "support"),
            max_changes=self.max_changes if changes else None,
            settings=self.settings if floored else replace(self.settings, coverage_floor=0.0),
        )


class ConflictError(PlanInfeasibleError):
    """No plan keeps every rule; ``conflict`` cannot be kept together.

    Attributes
    ----------
    conflict
        Rules that contradict each other; without any one of them the others could be kept
        (``minimal`` says whether there was time to show it).
    relaxation
        Rules to drop so that the whole request becomes possible.
    minimal
        Whether every rule of ``conflict`` was proven to be needed; when the time was over first,
        the message says so.
    """

    def __init__(
        self,
        problem: str,
        *,
        remedy: str,
        conflict: tuple[Rule, ...],
        relaxation: tuple[Rule, ...],
        minimal: bool,
    ) -> None:
        super().__init__(problem, remedy=remedy)
        self.conflict = conflict
        self.relaxation = relaxation
        self.minimal = minimal


def explained(
    refusal: PlanInfeasibleError, asked: AskedRules, *, time_limit_s: float
) -> PlanInfeasibleError:
    """Return the refusal with the rules at fault, or as it was when none of them is.

    Parameters
    ----------
    refusal
        What the planner found.
    asked
        The request.
    time_limit_s
        Seconds for the search; when they are over the rules not yet tried stay named.

    Returns
    -------
    PlanInfeasibleError
        A :class:`ConflictError`, unless no plan exists even without any rule of the request.
    """
    deadline = time.monotonic() + time_limit_s
    rules = asked.rules()

    def possible(kept: Sequence[Rule]) -> bool | None:
        return is_possible(asked.with_only(kept), deadline=deadline)

    if not rules or possible(()) is not True:
        return refusal
    conflict, minimal = _filtered(rules, possible)
    relaxation, least = _relaxation(rules, conflict, possible)
    unsure = "" if minimal else "; the time was over before each was shown to be needed"
    return ConflictError(
        _sentence(refusal, asked.world, conflict) + unsure,
        remedy=_remedy(relaxation, least=least),
        conflict=conflict,
        relaxation=relaxation,
        minimal=minimal,
    )


def is_possible(asked: AskedRules, *, deadline: float) -> bool | None:
    """Whether some plan keeps every rule; nothing when the time ran out first.

    Parameters
    ----------
    asked
        The request.
    deadline
        On the clock of :func:`time.monotonic`.
    """
    if time.monotonic() >= deadline:
        return None
    world, codes = asked.world, asked.world.borough_codes
    try:
        fleet = restrictions.without_excluded(asked.fleet, asked.excludes, codes)
        plan_request.check_locks(world, fleet, asked.locks)
        restrictions.check_support(fleet, asked.support, asked.locks, codes)
        classes = unit_classes(world, fleet, asked.locks, asked.support)
        plan_request.check_reach(world, classes)
    except (LockRefusedError, PlanInfeasibleError):
        return False
    certain = True
    for bounds in reversed(asked.ladder):  # the widest bounds first
        if time.monotonic() >= deadline:
            return None
        try:
            problem = build_problem(
                world,
                classes,
                asked.settings,
                previous=asked.previous,
                max_changes=asked.max_changes,
                bounds=bounds,
            )
        except PlanInfeasibleError:
            continue
        answer = _partition_exists(problem, deadline - time.monotonic())
        if answer:
            return True
        certain = certain and answer is not None
    return False if certain else None


def _partition_exists(problem: PlanProblem, limit_s: float) -> bool | None:
    if problem.floor > 0.0:
        return coverage_floor.reachable(problem, time_limit_s=limit_s)
    rows, low, high, names = rule_rows(problem)
    size = len(problem.masks)
    model = LinearModel(
        rows, low, high, np.zeros(size), np.ones(size), np.zeros(size),
        np.ones(size, dtype=np.bool_), names, tuple(f"area_{number}" for number in range(size)),
    )  # fmt: skip
    answer = solve_linear(model, relaxed=False, gap=0.0, limit_s=limit_s)
    if answer.infeasible:
        return False
    return None if answer.values is None else True


def _filtered(
    rules: tuple[Rule, ...], possible: Callable[[Sequence[Rule]], bool | None]
) -> tuple[tuple[Rule, ...], bool]:
    """Drop every rule without which the others still conflict, the cheapest first.

    A rule is dropped together with its neighbours while that leaves a conflict (halving), so a
    conflict of k among n rules takes about k log n questions.
    """
    kept, minimal, start = list(rules), True, 0
    step = max(1, len(kept) // 2)
    while start < len(kept):
        rest = kept[:start] + kept[start + step :]
        answer = possible(rest)
        if answer is False:
            kept = rest
        elif step > 1:
            step = step // 2
        else:
            minimal = minimal and answer is True
            start += 1
            step = (len(kept) - start) // 2
        step = max(1, min(step, len(kept) - start))
    return tuple(kept), minimal


def _relaxation(
    rules: tuple[Rule, ...],
    conflict: tuple[Rule, ...],
    possible: Callable[[Sequence[Rule]], bool | None],
) -> tuple[tuple[Rule, ...], bool]:
    """Return rules to drop, and whether no time was missing to find fewer.

    One of the conflict if that is enough, else a smallest set. The rules that are kept were
    always shown to be possible together.
    """
    certain = True
    for one in conflict:
        answer = possible([rule for rule in rules if rule != one])
        if answer:
            return (one,), certain
        certain = certain and answer is not None
    kept: list[Rule] = []
    for rule in reversed(rules):  # the dearest rules are kept first
        answer = possible([*kept, rule])
        if answer:
            kept.append(rule)
        certain = certain and answer is not None
    return tuple(rule for rule in rules if rule not in kept), certain


def _gathered(rules: set[Rule], kind: RuleKind) -> dict[str, tuple[str, ...]]:
    codes: dict[str, tuple[str, ...]] = {}
    for rule in sorted(rules, key=lambda rule: (rule.unit_id, rule.codes)):
        if rule.kind == kind:
            codes[rule.unit_id] = tuple(sorted({*codes.get(rule.unit_id, ()), *rule.codes}))
    return codes


def _sentence(refusal: PlanInfeasibleError, world: World, conflict: tuple[Rule, ...]) -> str:
    """Say a conflict the way a planner would."""
    name = dict(zip(world.borough_codes, world.borough_names, strict=True))
    eligible = [rule for rule in conflict if rule.kind == "eligible"]
    locks = [rule for rule in conflict if rule.kind == "lock"]
    if len(eligible) == 1 and len(conflict) == 1 + len(locks):
        wanted = {code for rule in locks for code in rule.codes}
        only = eligible[0]
        if wanted == set(only.codes) and all(rule.unit_id != only.unit_id for rule in locks):
            how = {1: "it is", 2: "both are"}.get(len(wanted), "all of them are")
            holders = listed(list(dict.fromkeys(rule.unit_id for rule in locks)))
            where = _or([name[code] for code in only.codes])
            return f"{only.unit_id} may only patrol {where}, but {how} locked to {holders}"
    said = [rule.text for rule in reversed(conflict)]
    if len(said) == 1:
        return f"{refusal.problem}; the rule at fault: {said[0]}"
    return f"{refusal.problem}; these rules cannot be kept together: {listed(said)}"


def _remedy(relaxation: tuple[Rule, ...], *, least: bool) -> str:
    """Say what to give up."""
    verbs: dict[RuleKind, str] = {
        "changes": "allow more changes",
        "floor": "ask for a lower floor",
        "support": "drop the support",
        "exclude": "drop the exclusion",
        "lock": "drop the lock",
        "eligible": "widen eligible_boroughs",
    }
    parts = [
        verbs[rule.kind]
        if rule.kind in ("changes", "floor")
        else f"{verbs[rule.kind]} ({rule.text})"
        for rule in relaxation
    ]
    if least:
        return f"the least to give up: {listed(parts)}"
    return f"enough to give up, there was no time to look for less: {listed(parts)}"


def _or(names: list[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} or {names[-1]}"
