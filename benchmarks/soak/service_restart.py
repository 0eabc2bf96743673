"""A service killed, or told to stop, in the middle of a solve and of an upload: nothing is lost.

Each round sends a solve as a job and takes files in, ends the service at a random moment while
half of one more upload is on its way, starts it again, and looks: the job is done or says why
not, every file that was acknowledged is there, no file is half there, and the record is sound.
"""

from __future__ import annotations

import random
import signal
import socket
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from api.audit.verify import verify
from api.jobs.runner import FOLDER
from api.record_folder import kept_head, open_record
from api.store.check import check_store
from benchmarks.soak.feeds import feed, write_csv
from benchmarks.soak.figures import Report, at_least, at_most, none_of
from benchmarks.soak.served import PATIENCE_S, fill, served, until
from hotspots.boundaries.study_area import StudyArea, load_bundled
from tests.api.test_service_live import Live

ROUNDS = 6
MOST_STOP_S, MOST_READY_S = 15.0, 30.0
N_RECORDS = 300
ENDED = frozenset({"successful", "failed", "dismissed"})


@dataclass(frozen=True)
class _World:
    """One data directory, the token of its service, and where chance and places come from."""

    data: Path
    token: str
    rng: random.Random
    area: StudyArea


@dataclass
class Tally:
    """What the ends of the service came to."""

    jobs: list[str] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)
    lost: int = 0
    left_over: int = 0
    faults: int = 0
    bad_exits: int = 0
    stop_s: list[float] = field(default_factory=list)
    ready_s: list[float] = field(default_factory=list)


def run(rounds: int = ROUNDS, seed: int = 19) -> Report:
    """Return what was lost when the service ended again and again."""
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="arv-soak-") as folder:
        data = Path(folder) / "data"
        with served(data) as service:
            fill(service)
            world = _World(data, service.token, random.Random(seed), load_bundled())
        for number in range(rounds):
            how = signal.SIGTERM if number % 2 else signal.SIGKILL
            job = _ended_in_the_middle(world, tally, number, how)
            _looked_at(world, tally, job)
        _checked(data, tally)
    return _report(tally, rounds)


def _ended_in_the_middle(world: _World, tally: Tally, number: int, how: int) -> str:
    """Send a solve and files, end the service, and return the address of the job."""
    with served(world.data, "--no-sample", token=world.token) as service:
        with httpx.Client(base_url=service.url, headers=service.bearer, timeout=60) as client:
            sent = client.post(
                "/allocate", json={"fleet_id": "example", "week": f"2027-W{number + 1:02d}"},
                headers={"Prefer": "respond-async"},
            )  # fmt: skip
            sent.raise_for_status()
            ends_s = time.monotonic() + world.rng.uniform(0.5, 12.0)
            line, file = half_an_upload(service), 0
            while time.monotonic() < ends_s:
                tally.acknowledged.add(_taken_in(client, world, 1000 * number + file))
                file += 1
        _end(service, tally, how)
        line.close()
        return str(sent.headers["location"])


def half_an_upload(service: Live) -> socket.socket:
    """Begin to send a file, send half of it, and keep the line open."""
    place = urlsplit(service.url)
    line = socket.create_connection((str(place.hostname), int(place.port or 0)))
    head = (
        f"POST /feeds HTTP/1.1\r\nHost: {place.netloc}\r\n"
        f"Authorization: Bearer {service.token}\r\nIdempotency-Key: half\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="file"; filename="half.csv"\r\n\r\n'
    )
    line.sendall(head.encode() + b"row\n" * 5000)
    return line


def _taken_in(client: httpx.Client, world: _World, seed: int) -> str:
    """Send a file and return the receipt that acknowledges it."""
    path = world.data.parent / f"soak-{seed}.csv"
    write_csv(feed(seed, N_RECORDS, study_area=world.area), str(path))
    answer = client.post("/feeds", files={"file": (path.name, path.read_bytes())})
    answer.raise_for_status()
    path.unlink()
    return str(answer.json()["receipt_id"])


def _end(service: Live, tally: Tally, how: int) -> None:
    begun_s = time.monotonic()
    service.process.send_signal(how)
    status = service.process.wait(60)
    if how == signal.SIGTERM:
        tally.stop_s.append(time.monotonic() - begun_s)
        tally.bad_exits += status != 0


def _looked_at(world: _World, tally: Tally, job: str) -> None:
    """Start the service again, wait for the job, and compare."""
    begun_s = time.monotonic()
    with served(world.data, "--no-sample", token=world.token) as service:
        tally.ready_s.append(time.monotonic() - begun_s)
        with httpx.Client(base_url=service.url, headers=service.bearer, timeout=60) as client:
            there = {one for one in tally.acknowledged if client.get(f"/feeds/{one}").is_success}
            tally.lost += len(tally.acknowledged - there)
            status = until(lambda: _ending(client, job), PATIENCE_S, "the job")
            tally.jobs.append(status)
            tally.lost += status == "successful" and not client.get(f"{job}/results").is_success
    for name in (FOLDER, "staging"):
        tally.left_over += len(list((world.data / name).iterdir()))


def _ending(client: httpx.Client, job: str) -> str:
    status = str(client.get(job).json()["status"])
    return status if status in ENDED else ""


def _checked(data: Path, tally: Tally) -> None:
    with open_record(data) as record, record.store.read() as tx:
        head = kept_head(data)
        tally.faults += len(check_store(tx))
        tally.faults += verify(tx, record.signer.verifier, [head] if head else []).n_findings


def _report(tally: Tally, rounds: int) -> Report:
    done = sum(one == "successful" for one in tally.jobs)
    words = (
        f"{rounds} ends, {len(tally.stop_s)} of them SIGTERM and the others kill -9; jobs "
        f"{tally.jobs}; {len(tally.acknowledged)} files acknowledged"
    )
    figures = (
        at_least("restart: solves done after the service was ended", done, rounds),
        none_of("restart: acknowledged files or results lost", tally.lost),
        none_of("restart: files left over in jobs/ and staging/", tally.left_over),
        none_of("restart: faults in the store and the audit record", tally.faults),
        none_of("restart: other exit status than 0 after SIGTERM", tally.bad_exits),
        at_most("restart: from SIGTERM to the end", max(tally.stop_s), MOST_STOP_S, "s"),
        at_most("restart: from the start to ready", max(tally.ready_s), MOST_READY_S, "s"),
    )
    return Report(figures, words)
