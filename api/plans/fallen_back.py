"""Weeks in which an earlier plan is in force again: which, by whom, when and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from api.plans.record import State
from api.store.schema import plan_transitions, plan_versions, plans


@dataclass(frozen=True)
class FallenBack:
    """A plan that was put in force again by falling back.

    Attributes
    ----------
    key, plan_id
        Its record in the week it is in force for, and its identifier.
    week, made_for
        ISO week it is in force for, and the one it was made for.
    repeats
        Key of the record whose content it repeats.
    by, at, reason
        Account of the person who fell back, when (UTC) and why.
    """

    key: str
    plan_id: str
    week: str
    made_for: str
    repeats: str
    by: str
    at: datetime
    reason: str

    def members(self) -> dict[str, str]:
        """Return what a file with the plan says of it, as plain JSON values."""
        return {
            "in_force_for": self.week,
            "made_for": self.made_for,
            "plan_key": self.key,
            "fallback_of": self.repeats,
        }

    def sentence(self) -> str:
        """Return one line for people who see the plan on its own."""
        return (
            f"IN FORCE FOR WEEK {self.week} BY FALLING BACK: this plan was made for week "
            f"{self.made_for}"
        )


def fallen_back(tx: Connection, week: str) -> FallenBack | None:
    """Return the plan in force for a week by falling back, ``None`` when there is none."""
    repeated, first = plans.alias("repeated"), plan_transitions
    content = (plan_versions.c.plan_key == plans.c.plan_key) & (
        plan_versions.c.content_version == plans.c.content_version
    )
    row = tx.execute(
        select(
            plans.c.plan_key, plan_versions.c.plan_id, plans.c.week,
            repeated.c.week, plans.c.fallback_of, first.c.actor, first.c.at_utc, first.c.reason,
        )
        .join(repeated, repeated.c.plan_key == plans.c.fallback_of)
        .join(plan_versions, content)
        .join(first, (first.c.plan_key == plans.c.plan_key) & (first.c.version == 1))
        .where(plans.c.week == week, plans.c.state == str(State.PUBLISHED))
    ).first()  # fmt: skip
    return FallenBack(*row[:7], row[7] or "") if row else None


def fallen_back_weeks(tx: Connection) -> list[str]:
    """Return the weeks that have a plan in force by falling back, earliest first."""
    found = select(plans.c.week).where(
        plans.c.state == str(State.PUBLISHED), plans.c.fallback_of.is_not(None)
    )
    return list(tx.execute(found.order_by(plans.c.week)).scalars())
