"""Which version of a record a change was decided on: ``ETag`` given, ``If-Match`` demanded."""

from __future__ import annotations

import re

from starlette.requests import Request

from api.problems import ProblemError, http_problem

_VERSION = re.compile(r'"(\d{1,9})"')


def etag(version: int) -> dict[str, str]:
    """Return the header that names the version of a record."""
    return {"ETag": f'"{version}"'}


def if_match(request: Request, what: str) -> int:
    """Return the version in ``If-Match``.

    Parameters
    ----------
    request
        Of a change.
    what
        What is changed, for the words of a refusal: ``plan``.

    Raises
    ------
    ProblemError
        428 when it names none.
    """
    found = _VERSION.fullmatch(request.headers.get("if-match", "").strip())
    if found is None:
        raise ProblemError(
            http_problem(
                428,
                "the step does not say which version it was decided on. Remedy: send the ETag "
                f'of the {what} in If-Match, for example If-Match: "4".',
            )
        )
    return int(found[1])
