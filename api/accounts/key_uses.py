"""When a key was last used: noted beside the requests, and at most once in ten minutes."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import update

from api.access import Actor
from api.store.errors import StoreRefusedError
from api.store.schema import api_keys
from api.store.store import Store

log = logging.getLogger("arv.keys")

#: A use is written at most this often: reading is no reason to write to disk.
NOTED_EVERY = timedelta(minutes=10)


@dataclass(frozen=True)
class KeyUse:
    """A key that was shown, whom it acts for, and the use of it that was noted last."""

    actor: Actor
    key_id: str
    last_used: datetime | None


class KeyUses:
    """Notes uses of keys in a thread of its own: no request waits for it, and none fails by it.

    Several processes may note the same key; the store keeps one use in ten minutes. A use that
    cannot be written, because the disk is full, is tried again with a use ten minutes later.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tried: dict[str, datetime] = {}
        self._thread = ThreadPoolExecutor(1, "arv-keys")

    def used(self, store: Store, use: KeyUse, now: datetime) -> None:
        """Have a use noted, unless one was within the last ten minutes; returns at once.

        Parameters
        ----------
        store
            Where the keys are.
        use
            As :func:`api.accounts.keys.use_of_key` found it.
        now
            UTC moment of the use.
        """
        if use.last_used is not None and now - use.last_used < NOTED_EVERY:
            return
        with self._lock:
            tried = self._tried.get(use.key_id)
            if tried is not None and now - tried < NOTED_EVERY:
                return
            self._tried[use.key_id] = now
        self._thread.submit(_note, store, use.key_id, now)

    def close(self) -> None:
        """Note nothing more; what has not begun is left."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _note(store: Store, key_id: str, now: datetime) -> None:
    last = api_keys.c.last_used_utc
    stale = last.is_(None) | (last <= now - NOTED_EVERY)
    try:
        with store.write() as tx:
            tx.execute(
                update(api_keys).where(api_keys.c.key_id == key_id, stale).values(last_used_utc=now)
            )
    except StoreRefusedError:
        log.warning("the last use of a key could not be noted", exc_info=True)
