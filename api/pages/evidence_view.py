"""What the page of the evidence shows: feeds by age, and what came of each file, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from api.access import Action, Actor, Resource, decide
from api.pages.local_time import london_moment
from api.store.receipts import FeedFreshness, Receipt
from api.titles import LAYOUTS, as_title
from api.wording import british_date, count
from hotspots.sources import REGISTRY

_STATES = {"active": "in use", "withdrawn": "withdrawn", "erased": "erased"}


@dataclass(frozen=True)
class FeedRow:
    """How recent one feed is."""

    feed: str
    files: str
    covers_to: str
    age: str
    newest_known: str
    last_came: str


@dataclass(frozen=True)
class ReceiptRow:
    """What came of one file, in a line of the list."""

    receipt_id: str
    file: str
    came: str
    by: str
    accepted: str
    refused: str
    known: str
    covers: str
    state: str


@dataclass(frozen=True)
class ReceiptDetails:
    """What came of one file, in full.

    Attributes
    ----------
    headline
        Accepted, refused and known in a sentence.
    facts
        The other figures, each with its name.
    may_download
        True when the person may have the rows that were refused, and there are any.
    refused_note
        Why the refused rows are not offered, where there are some; else empty.
    """

    receipt_id: str
    file: str
    headline: str
    facts: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    dropped: tuple[str, ...]
    coverage: str
    state: str
    withdrawn_reason: str
    may_download: bool
    refused_note: str


def feed_rows(feeds: Sequence[FeedFreshness], today: date) -> tuple[FeedRow, ...]:
    """Return the feeds in use, the one whose evidence is oldest first.

    Parameters
    ----------
    today
        The day ages are counted from.
    """
    ordered = sorted(feeds, key=lambda one: (one.last_day, one.feed_id))
    return tuple(_feed_row(one, today) for one in ordered)


def receipt_rows(receipts: Sequence[Receipt]) -> tuple[ReceiptRow, ...]:
    """Return receipts as lines, in the order given."""
    return tuple(_receipt_row(one) for one in receipts)


def receipt_details(one: Receipt, actor: Actor, about: Resource) -> ReceiptDetails:
    """Return one receipt in full.

    Parameters
    ----------
    actor
        Who reads it.
    about
        The file as the rules of access see it.
    """
    refused = one.n_rejected + one.n_expected
    verdict = decide(actor, Action.READ_REJECTED, about)
    return ReceiptDetails(
        receipt_id=one.receipt_id,
        file=one.file,
        headline=_headline(one),
        facts=_facts(one),
        warnings=one.warnings,
        dropped=one.dropped_columns,
        coverage=_coverage(one),
        state=_STATES.get(one.state, one.state),
        withdrawn_reason=one.withdrawn_reason,
        may_download=refused > 0 and verdict.allowed,
        refused_note="" if verdict.allowed or not refused else f"{verdict.reason}.",
    )


def _feed_row(one: FeedFreshness, today: date) -> FeedRow:
    return FeedRow(
        feed=_feed(one.feed_id),
        files=count(one.n_files),
        covers_to=british_date(one.last_day),
        age=_age((today - one.last_day).days),
        newest_known=london_moment(one.newest_known) if one.newest_known else "counts only",
        last_came=london_moment(one.last_received),
    )


def _feed(feed_id: str) -> str:
    """Return what a feed is called: its source, or the layout when it mixes several."""
    source = REGISTRY.get(feed_id)
    return source.title if source else LAYOUTS.get(feed_id, as_title(feed_id))


def _age(days: int) -> str:
    if days <= 0:
        return "up to today"
    return "1 day ago" if days == 1 else f"{days:,} days ago"


def _receipt_row(one: Receipt) -> ReceiptRow:
    return ReceiptRow(
        receipt_id=one.receipt_id,
        file=one.file,
        came=london_moment(one.received),
        by=one.received_by,
        accepted=count(one.n_records + one.n_counts),
        refused=count(one.n_rejected + one.n_expected),
        known=count(one.n_merged),
        covers=f"{british_date(one.coverage.first_day)} to {british_date(one.coverage.last_day)}",
        state=_STATES.get(one.state, one.state),
    )


def _headline(one: Receipt) -> str:
    counts = f" and {count(one.n_counts)} counts of areas" if one.n_counts else ""
    taken = f"{count(one.n_records)} records{counts}"
    if one.n_counts and not one.n_records:
        taken = f"{count(one.n_counts)} counts of areas"
    refused = one.n_rejected + one.n_expected
    return (
        f"{taken} accepted, {count(refused) if refused else 'no'} rows refused, "
        f"{count(one.n_merged) if one.n_merged else 'none'} known already and kept once."
    )


def _facts(one: Receipt) -> tuple[tuple[str, str], ...]:
    newest = london_moment(one.newest_known) if one.newest_known else "a file of counts has none"
    return (
        ("Feed", _feed(one.feed_id)),
        ("Layout", LAYOUTS.get(one.format, as_title(one.format))),
        ("Taken in", f"{london_moment(one.received)}, by {one.received_by}"),
        ("Refused as malformed", count(one.n_rejected)),
        ("Without a place, as the layout has it", count(one.n_expected)),
        ("Corrections of earlier records", count(one.n_corrections)),
        ("Accepted under handling code C", count(one.n_handling_c)),
        ("Refused that are or may be under it", count(one.n_refused_c)),
        ("Newest record was known", newest),
    )


def _coverage(one: Receipt) -> str:
    kept = one.coverage
    where = "all of London" if kept.areas is None else f"{len(kept.areas)} areas"
    months = ", ".join(f"{day:%m/%Y}" for day in sorted(kept.months_missing))
    gaps = f" Months missing: {months}." if months else ""
    how = "Stated with the file." if kept.stated else "Not stated with the file."
    return (
        f"It speaks about {where}, {british_date(kept.first_day)} to "
        f"{british_date(kept.last_day)}. {how}{gaps}"
    )
