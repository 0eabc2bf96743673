"""Wait for a worker, but not for longer than somebody is waiting for the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

Result = TypeVar("Result")
LOOK_EVERY_S = 0.5


async def while_connected(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """Return what the work gives; cancel it, and so end its process, when the client goes away.

    Raises
    ------
    ClientDisconnect
        When nobody is there to answer any more.
    """
    task = asyncio.ensure_future(work)
    try:
        while not task.done():
            await asyncio.wait([task], timeout=LOOK_EVERY_S)
            if not task.done() and await request.is_disconnected():
                raise ClientDisconnect
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
