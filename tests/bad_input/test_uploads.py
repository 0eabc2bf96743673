"""Malformed requests of every kind over HTTP: refused with a remedy, never a defect.

This is the short run with the first seeds; `make soak` sends thousands and watches the memory
(``benchmarks.soak.service_malformed``), some of them through the service's own workers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.api.schema_world import NO_WORK, described_service, fill_week
from tests.api.service_world import BEARER, WEEK, client_of
from tests.bad_input.reading_here import ReadingHere
from tests.bad_input.uploads import MAY_ANSWER, Sent, complaint, corpus, makers

CASES = 16
SOME_KEY = f"{WEEK}-0123456789ab"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    root = tmp_path_factory.mktemp("malformed") / "data"
    fill_week(root)
    app = described_service(root, NO_WORK)
    app.state.service.pool = ReadingHere()
    with client_of(app) as found:
        yield found


@pytest.fixture(scope="module")
def plan_key(client: TestClient) -> str:
    """Return the key of a draft, so that its table is read and not only its address."""
    answer = client.post("/plans", json={"week": WEEK}, headers=BEARER)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["key"])


def send(client: TestClient, sent: Sent) -> tuple[int, str]:
    """Send a request; return its status and what is wrong with the answer."""
    answer = client.request(sent.method, sent.path, content=sent.content, headers=sent.headers)
    return answer.status_code, complaint(sent, answer.status_code, answer.headers, answer.text)


@pytest.mark.parametrize("kind", makers(SOME_KEY))
def test_what_is_malformed_is_refused_with_a_remedy(
    kind: str, client: TestClient, plan_key: str
) -> None:
    answers: Counter[int] = Counter()
    for seed in range(CASES):
        status, wrong = send(client, makers(plan_key)[kind](seed))
        assert not wrong
        answers[status] += 1
    assert sum(answers[status] for status in (400, 413, 415, 422)), answers
    assert client.get("/health").status_code == 200


def test_the_same_seed_sends_the_same_bytes() -> None:
    for kind, make in makers(SOME_KEY).items():
        if "gpkg" in kind or "parquet" in kind:
            continue  # these containers are made by others
        assert make(5).content == make(5).content, kind
        assert {make(seed).content for seed in range(6)} != {make(0).content}, kind


def test_the_corpus_has_every_kind_of_archive() -> None:
    labels = " ".join(one.label for one in corpus())
    for name in ("zip bomb", "gzip bomb", "with a link", "with a password", "zip in zip", "UTF-16"):
        assert name in labels
    assert 500 not in MAY_ANSWER


def test_half_a_character_in_the_name_of_a_system_is_refused(client: TestClient) -> None:
    """Found by seed 291 of the soak: the library of systems cannot even be asked."""
    sent = makers(SOME_KEY)["feed/meeting geojson"](291)
    status, wrong = send(client, sent)
    assert (status, wrong) == (422, "")
