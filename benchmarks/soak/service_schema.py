"""The described interface under generated requests: every check of schemathesis, every operation.

At least a hundred generated requests an operation, besides the examples and the edges of every
schema; then walks along the links from answer to answer, among the operations that tell one
story; then every operation again as a stranger without a credential.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.soak.figures import Figure, Report, at_least, none_of
from tests.api.schema_world import SHORT_WORK, Found, answered, described_service, fill_week, walk

EXAMPLES, STEPS, STRANGERS = 100, 100, 3
#: Operations that tell one story, by their paths.
STORIES = {
    "plans": "^/(plans|allocate$)",
    "evidence": "^/(feeds|incidents|assessments?$)",
    "jobs": "^/(jobs|allocate$)",
    "accounts": "^/(users|keys)",
    "records": "^/(fleets|events|actions)",
    "places": "^/(wards|boroughs|hot-spots|ogc/collections)",
}
#: What a stranger may hear of an operation that is not open.
TURNED_AWAY = frozenset({401, 405, 413})
OPEN = frozenset({"GET /health", "GET /ready"})
#: Where a part of the path is a number, anything else is no address of the service, for nobody.
NO_ADDRESS = frozenset({("GET /audit/{at}", 404)})


def run() -> Report:
    """Return how many requests were sent, and how many answers broke a promise."""
    with tempfile.TemporaryDirectory(prefix="arv-soak-") as folder:
        root = Path(folder) / "data"
        fill_week(root)
        app = described_service(root, SHORT_WORK)
        operations = {
            f"{method.upper()} {path}": bool(one.get("parameters") or one.get("requestBody"))
            for path, methods in app.openapi()["paths"].items()
            for method, one in methods.items()
        }
        broad = walk(app, examples=EXAMPLES)
        stories = {name: walk(app, steps=STEPS, paths=one) for name, one in STORIES.items()}
        strangers = walk(app, examples=STRANGERS, anonymous=True)
    return _report(operations, broad, stories, strangers)


def _report(
    operations: dict[str, bool], broad: Found, stories: dict[str, Found], strangers: Found
) -> Report:
    """Sum up the walks; ``operations`` says of each whether its requests can differ at all."""
    sent = Counter(dict.fromkeys(operations, 0))
    for (label, _), number in broad.answers.items():
        sent[label] += number
    least = min(number for label, number in sent.items() if operations[label])
    let_in = [
        (label, status)
        for label, status in strangers.answers
        if label not in OPEN and status not in TURNED_AWAY and (label, status) not in NO_ADDRESS
    ]
    every = [broad, *stories.values(), strangers]
    linked = sum(sum(one.answers.values()) for one in stories.values())
    figures: tuple[Figure, ...] = (
        at_least("schema: requests to the operation asked least", least, EXAMPLES),
        none_of("schema: operations never asked", sum(number == 0 for number in sent.values())),
        none_of(
            "schema: operations and checks that failed", sum(len(one.failures) for one in every)
        ),
        none_of("schema: answers of 500", sum(_defects(one) for one in every)),
        at_least("schema: stories walked along links to their end", _walked(stories), len(STORIES)),
        none_of("schema: operations that let a stranger in", len(let_in)),
    )
    words = [
        f"{len(operations)} operations, {sum(sent.values())} requests, {linked} along links",
        *answered(broad),
        *(one.report() for one in every if one.failures),
        *(f"a stranger heard {status} of {label}" for label, status in let_in),
    ]
    return Report(figures, "\n".join(words))


def _defects(found: Found) -> int:
    return sum(number for (_, status), number in found.answers.items() if status == 500)


def _walked(stories: dict[str, Found]) -> int:
    return sum(one.phases.get("stateful") == "success" for one in stories.values())
