"""Hand the signed end of the record out, to be kept where nobody can alter both."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from api.access import Action
from api.audit.entries import last_row
from api.audit.entry import GENESIS, entry, time_text
from api.audit.log import Record
from api.audit.signing import Head
from api.store.schema import audit_anchors


def hand_out(record: Record, name: str, write: Callable[[Head], None] | None = None) -> Head:
    """Return the end of the record, signed now; that it was handed out is recorded, too.

    Parameters
    ----------
    name
        Who takes it.
    write
        Writes it somewhere before the change is committed; when that fails nothing is recorded.
    """
    with record.change() as change:
        last = last_row(change.tx)
        position, digest = (last.position, last.row_sha256) if last is not None else (0, GENESIS)
        signer = record.signer_in_force(change.tx)
        head = signer.sign(position, digest, time_text(change.now))
        anchor_id = secrets.token_hex(8)
        change.tx.execute(
            audit_anchors.insert().values(
                anchor_id=anchor_id,
                position=position,
                row_sha256=digest,
                exported_utc=change.now,
                exported_by=name,
            )
        )
        change.note(
            entry(name, Action.ANCHOR_AUDIT, "anchor", anchor_id, object_sha256=digest,
                  detail={"position": position})
        )  # fmt: skip
        if write is not None:
            write(head)
    return head
