"""Check the record from its first row to its last, and against signatures kept elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Connection, func, select

from api.audit.entries import head_at
from api.audit.entry import GENESIS, row_digest
from api.audit.key_chain import KeyChain, KeySpan, read_chain
from api.audit.signing import Head, Verifier
from api.store.schema import audit, audit_heads
from api.working.progress import Progress, silent

FindingKind = Literal[
    "edited", "deleted", "out of order", "truncated", "rewritten", "wrong signature",
    "no signature", "forged key",
]  # fmt: skip
#: More findings than this are counted, not listed.
MOST_FINDINGS = 100
CHUNK = 20_000

_TIME = {
    "sqlite": "replace(at_utc, ' ', 'T') || 'Z'",
    "postgresql": "to_char(at_utc AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
}
#: The columns of a row as texts, in the order of its canonical text, after its position.
_ROWS = (
    "SELECT position, row_sha256, previous_sha256, {time}, actor, action, object_kind, "
    "object_id, coalesce(object_sha256, ''), outcome, reason, coalesce(detail, '') "
    "FROM audit ORDER BY position"
)


@dataclass(frozen=True)
class Finding:
    """Something wrong with the record, and where."""

    kind: FindingKind
    position: int
    words: str


@dataclass(frozen=True)
class Verification:
    """What a check came to.

    Attributes
    ----------
    rows, last_sha256
        How many rows there are, and the digest of the last (64 zeros without any).
    anchors
        How many signed heads from outside the database were compared.
    findings
        At most :data:`MOST_FINDINGS` of them; ``n_findings`` counts all.
    clock_moved_back
        Positions of rows that are earlier than the row before them: recorded, not a fault.
    keys
        Identifiers of the keys that signed the record, the first first.
    """

    rows: int
    last_sha256: str
    anchors: int
    n_findings: int
    findings: tuple[Finding, ...]
    clock_moved_back: tuple[int, ...]
    keys: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """True when nothing is wrong."""
        return self.n_findings == 0


@dataclass
class _Account:
    """What has been read so far."""

    rows: int = 0
    position: int = 0
    digest: str = GENESIS
    time: str = ""
    n_findings: int = 0
    findings: list[Finding] = field(default_factory=list)
    moved_back: list[int] = field(default_factory=list)
    wanted: dict[int, str | None] = field(default_factory=dict)

    def find(self, kind: FindingKind, position: int, words: str) -> None:
        self.n_findings += 1
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(Finding(kind, position, words))


def verify(
    connection: Connection,
    verifier: Verifier,
    anchors: Sequence[Head] = (),
    progress: Progress = silent,
) -> Verification:
    """Check every row, every link, the signatures of the record, and anchors from elsewhere.

    Edits, deletions and reorderings show in the rows themselves. A tail that was cut off, or a
    chain that was rewritten throughout, shows against the signed heads: those in the database,
    and, where somebody could alter those too, the anchors that were kept elsewhere. Where the
    signing key was changed, each key counts for the rows it was in force for.

    Parameters
    ----------
    connection
        A reading transaction of the store.
    verifier
        A key that signs this record, or signed it before the key was changed.
    anchors
        Heads kept outside the database.
    progress
        Told the share of rows read.
    """
    account = _Account()
    chain = read_chain(connection, verifier)
    for position, words in chain.forged:
        account.find("forged key", position, words)
    for head in anchors:
        if not chain.accepts(head):
            account.find("wrong signature", head.position, _not_in_force(chain, head))
    trusted = [head for head in anchors if chain.accepts(head)]
    account.wanted = {head.position: None for head in trusted}
    total = connection.execute(select(func.count()).select_from(audit)).scalar_one()
    progress("Verifying the record", 0.0)
    for chunk in _chunks(connection):
        _read(account, chunk)
        progress("Verifying the record", account.rows / max(total, 1))
    _check_heads(account, connection, chain)
    for head in trusted:
        _compare(account, head)
    return Verification(
        rows=account.rows,
        last_sha256=account.digest,
        anchors=len(trusted),
        n_findings=account.n_findings,
        findings=tuple(account.findings),
        clock_moved_back=tuple(account.moved_back),
        keys=tuple(one.verifier.key_id for one in chain.spans),
    )


def _chunks(connection: Connection) -> Iterator[Iterable[Any]]:
    """Yield the rows in chunks, straight from the driver: a million of them pass through here."""
    kind = connection.dialect.name
    driver: Any = connection.connection.dbapi_connection
    cursor = driver.cursor() if kind == "sqlite" else driver.cursor(name="arv_verify")
    with closing(cursor):
        cursor.execute(_ROWS.format(time=_TIME[kind]))
        while rows := cursor.fetchmany(CHUNK):
            yield rows


def _read(account: _Account, rows: Iterable[Any]) -> None:
    position, previous, time = account.position, account.digest, account.time
    wanted = account.wanted
    for row in rows:
        at, kept = row[0], row[1]
        if at != position + 1:
            missing = at - position - 1
            account.find("deleted", position + 1, f"{missing:,} rows are missing before row {at:,}")
        if row_digest(row[2:]) != kept:
            account.find("edited", at, "the row does not have the digest it was given")
        elif row[2] != previous and at == position + 1:
            account.find(
                "out of order", at, "the row does not follow the one before it: rows were "
                "reordered, taken out or put in",
            )  # fmt: skip
        if row[3] < time:
            account.moved_back.append(at)
        if at in wanted:
            wanted[at] = kept
        position, previous, time = at, kept, row[3]
        account.rows += 1
    account.position, account.digest, account.time = position, previous, time


def _check_heads(account: _Account, connection: Connection, chain: KeyChain) -> None:
    """Compare the signed heads in the database with the rows; check the last signature."""
    beyond = select(func.max(audit_heads.c.position))
    last = connection.execute(beyond).scalar_one()
    if last is None:
        if account.rows:
            account.find("no signature", account.position, "the record has rows but no signature")
        return
    if last > account.position:
        account.find(
            "truncated", account.position + 1,
            f"the record ends at row {account.position:,}, but its end was signed at {last:,}",
        )  # fmt: skip
    elif last < account.position:
        account.find(
            "no signature", last + 1, f"the rows after {last:,} are not signed: put in by others"
        )
    differing = connection.execute(
        select(func.min(audit_heads.c.position), func.count())
        .select_from(audit_heads.join(audit, audit.c.position == audit_heads.c.position))
        .where(audit.c.row_sha256 != audit_heads.c.row_sha256)
    ).one()
    if differing[1]:
        account.find(
            "rewritten", differing[0], f"{differing[1]:,} signed rows have another digest now"
        )
    for span in chain.spans:
        _check_span(account, connection, span, last)
    head = head_at(connection, last)
    if head is None or not chain.spans[-1].verifier.accepts(head):
        account.find("wrong signature", last, "the end of the record is not signed with its key")


def _check_span(account: _Account, connection: Connection, span: KeySpan, last: int) -> None:
    """Look for heads that name another key than the one in force; the last is looked at anyway."""
    at, until = audit_heads.c.position, last - 1 if span.last is None else span.last
    others = connection.execute(
        select(func.min(at), func.count())
        .where(at >= span.first, at <= until, at != last)
        .where(audit_heads.c.key_id != span.verifier.key_id)
    ).one()
    if others[1]:
        account.find(
            "wrong signature", others[0],
            f"{others[1]:,} signatures are not of key {span.verifier.key_id}, which was in force",
        )  # fmt: skip


def _not_in_force(chain: KeyChain, head: Head) -> str:
    """Return why an anchor does not count."""
    if any(span.verifier.accepts(head) for span in chain.spans):
        in_force = chain.at(head.position).verifier.key_id
        return (
            f"an anchor is signed with key {head.key_id}, but {in_force} was in force: the record "
            "was cut before that, or others have the old key"
        )
    return "an anchor is not signed with a key of this record"


def _compare(account: _Account, head: Head) -> None:
    if head.position > account.position:
        account.find(
            "truncated", account.position + 1,
            f"the record ends at row {account.position:,}, but an anchor vouches for "
            f"{head.position:,} rows",
        )  # fmt: skip
    elif head.position and account.wanted.get(head.position) != head.row_sha256:
        account.find("rewritten", head.position, "the row is not the one an anchor vouches for")
