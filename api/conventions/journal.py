"""The service's log: one JSON object a line, with the request it belongs to.

Nothing that somebody sent is written: no query, no body, no header, and of a fault its type and
where it arose, never its message, which may quote a record.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import IO

#: A fault as the library hands it to a formatter.
Fault = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
#: Identifier of the request that is being answered.
REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
MOST_PLACES = 12
TEXT_FORMAT = "%(asctime)s %(name)s %(levelname)s %(message)s"

_requests = logging.getLogger("arv.requests")


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        moment = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, object] = {
            "at": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id := REQUEST_ID.get():
            line["request_id"] = request_id
        line.update(getattr(record, "fields", {}))
        if record.exc_info and record.exc_info[1] is not None:
            line["fault"], line["places"] = _fault(record.exc_info[1])
        return json.dumps(line, sort_keys=True, default=str)


class TextLines(logging.Formatter):
    """Writes a record for people at a terminal; of a fault no more than JSON says."""

    def __init__(self) -> None:
        super().__init__(TEXT_FORMAT)

    def formatException(self, ei: Fault) -> str:  # noqa: N802  (the library's name)
        """Return the type of a fault and where it arose, a place a line."""
        if ei[1] is None:
            return ""
        kind, places = _fault(ei[1])
        return "\n".join([kind, *(f"  {place}" for place in places)])


def start(*, as_json: bool, stream: IO[str] | None = None) -> None:
    """Have the service write its log to standard error, as JSON or as plain text."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if as_json else TextLines())
    logging.basicConfig(handlers=[handler], level=logging.INFO)


def note_request(method: str, route: str, status: int, seconds: float, actor: str) -> None:
    """Write down that a request was answered: the route's template, never the address."""
    _requests.info(
        "%s %s %d", method, route, status,
        extra={
            "fields": {
                "method": method,
                "route": route,
                "status": status,
                "milliseconds": round(1000 * seconds, 1),
                "actor": actor,
            }
        },
    )  # fmt: skip


def _fault(fault: BaseException) -> tuple[str, list[str]]:
    """Return the type of a fault and the last places it passed."""
    frames = traceback.extract_tb(fault.__traceback__)[-MOST_PLACES:]
    places = [
        f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in frames
    ]
    return type(fault).__name__, places
