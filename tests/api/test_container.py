"""The container files: read strictly, and their install steps run in a clean environment."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path, PurePosixPath

import pytest
import yaml

from tests.api import dockerfile
from tests.api.dockerfile import Stage

LOOPBACK_PORT = re.compile(r"127\.0\.0\.1:\d+:\d+")
PINNED = re.compile(r"[a-z0-9./-]+:\d+(\.\d+)*-[\w.-]+|arv-tasking:\d+\.\d+\.\d+")
START_S = 60.0


@pytest.fixture(scope="module")
def stages(repository: Path) -> list[Stage]:
    return dockerfile.parse((repository / "Dockerfile").read_text("utf-8"))


@pytest.fixture(scope="module")
def compose(repository: Path) -> dict:  # type: ignore[type-arg]  # YAML of any shape
    return yaml.safe_load((repository / "compose.yaml").read_text("utf-8"))


def test_two_stages_on_one_pinned_slim_python(stages: list[Stage]) -> None:
    assert [stage.name for stage in stages] == ["build", "service"]
    assert len({stage.image for stage in stages}) == 1
    for stage in stages:
        assert PINNED.fullmatch(stage.image)
        assert stage.image.startswith("python:3.11.")
        assert "-slim" in stage.image
        assert "latest" not in stage.image


def test_it_runs_without_privileges_and_says_how_it_feels(stages: list[Stage]) -> None:
    service = stages[-1]
    (user,) = service.all("USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    (health,) = service.all("HEALTHCHECK")
    assert "/health" in health
    assert "--timeout=" in health
    assert dockerfile.command(service.all("CMD")[0])[:2] == ["arv", "serve"]
    names = [each.name for each in service.instructions]
    assert names.index("USER") > max(i for i, name in enumerate(names) if name in {"RUN", "COPY"})
    assert not [copy for copy in dockerfile.copies(service) if copy.stage is None]


def test_nothing_is_fetched_by_hand_and_no_secret_is_baked_in(stages: list[Stage]) -> None:
    for stage in stages:
        for each in stage.instructions:
            assert not re.search(r"\b(curl|wget|git clone)\b|https?://(?!127\.0\.0\.1)", each.text)
        assert not re.search(r"(?i)password|secret|token", " ".join(stage.all("ENV")))
        for line in stage.all("RUN"):
            if "apt-get install" in line:
                assert "--no-install-recommends" in line
                assert "rm -rf /var/lib/apt/lists" in line


def test_the_parser_refuses_what_it_does_not_know() -> None:
    for bad in ("FROM python:latest", "ADD x y", "FROM a:1 AS b\nONBUILD RUN x"):
        with pytest.raises(ValueError, match=r"unknown instruction|needs an image"):
            dockerfile.parse(bad)


def test_the_build_is_given_only_what_it_copies(stages: list[Stage], repository: Path) -> None:
    rules = dockerfile.ignore_rules((repository / ".dockerignore").read_text("utf-8"))
    sources = {source for copy in dockerfile.copies(stages[0]) for source in copy.sources}
    assert {rule.removeprefix("!") for rule in rules if rule.startswith("!")} == sources
    for source in sources:
        assert dockerfile.context_files(repository, source, rules), source
    for kept_out in (".git/config", ".venv/bin/python", "tests/conftest.py", "out/plan.json"):
        assert dockerfile.ignored(PurePosixPath(kept_out), rules)
    assert dockerfile.ignored(PurePosixPath("api/__pycache__/app.cpython-311.pyc"), rules)


def test_compose_gives_no_service_more_than_it_needs(compose: dict) -> None:  # type: ignore[type-arg]  # YAML of any shape
    assert set(compose["services"]) == {"service", "database"}
    for name, each in compose["services"].items():
        assert PINNED.fullmatch(each["image"]), name
        assert each["read_only"] is True
        assert each["cap_drop"] == ["ALL"]
        assert "cap_add" not in each
        assert "privileged" not in each
        assert each["security_opt"] == ["no-new-privileges:true"]
        assert each["healthcheck"]["test"][0] == "CMD"
        assert all(LOOPBACK_PORT.fullmatch(port) for port in each.get("ports", []))
        for volume in each["volumes"]:
            assert volume.split(":")[0] in compose["volumes"], "named volumes only"
        assert {"pids_limit", "mem_limit"} <= set(each)
    database = compose["services"]["database"]
    assert "ports" not in database
    assert database["networks"] == ["back"]
    assert compose["networks"]["back"] == {"internal": True}
    assert not any("PASSWORD" in key and "FILE" not in key for key in database["environment"])


def test_compose_and_dockerfile_agree(compose: dict, stages: list[Stage]) -> None:  # type: ignore[type-arg]  # YAML of any shape
    service = compose["services"]["service"]
    assert service["build"]["target"] == stages[-1].name
    arguments = dockerfile.command(stages[-1].all("CMD")[0])
    port = arguments[arguments.index("--port") + 1]
    assert stages[-1].all("EXPOSE") == [port]
    assert all(mapping.endswith(f":{port}") for mapping in service["ports"])
    data = arguments[arguments.index("--data") + 1]
    assert data in {volume.split(":")[1] for volume in service["volumes"]}
    assert dockerfile.command(stages[-1].all("VOLUME")[0]) == [data]
    health = stages[-1].all("HEALTHCHECK")[0].partition("CMD ")[2]
    assert service["healthcheck"]["test"][1:] == dockerfile.command(health)


@pytest.mark.slow
@pytest.mark.timeout(600)  # a whole environment is installed: a minute on a quiet machine
def test_its_install_steps_give_a_service_that_answers(
    stages: list[Stage], repository: Path, tmp_path: Path
) -> None:
    home = _build(stages[0], repository, tmp_path)
    settings = {**_clean_environment(), **dockerfile.environment(stages[-1])}
    settings["PATH"] = f"{home / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    arguments = dockerfile.command(stages[-1].all("CMD")[0])
    assert shutil.which("arv", path=settings["PATH"]) == str(home / ".venv" / "bin" / "arv")
    usage = _run(["arv", "--help"], cwd=tmp_path, env=settings)
    assert "allocate" in usage
    port = _free_port()
    swaps = {"0.0.0.0": "127.0.0.1", "8000": str(port), "/var/lib/arv": str(tmp_path / "state")}
    process = subprocess.Popen(
        [swaps.get(word, word) for word in arguments],
        cwd=tmp_path,
        env=settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        health = stages[-1].all("HEALTHCHECK")[0].partition("CMD ")[2]
        check = [word.replace(":8000/", f":{port}/") for word in dockerfile.command(health)]
        _wait_until_healthy(check, process, settings)
    finally:
        process.terminate()
        process.wait(timeout=20)
    assert not (home / "tests").exists()


def _build(stage: Stage, repository: Path, tmp_path: Path) -> Path:
    """Run a stage's COPY and RUN lines, apart from apt, under a temporary root."""
    rules = dockerfile.ignore_rules((repository / ".dockerignore").read_text("utf-8"))
    (workdir,) = stage.all("WORKDIR")
    home = tmp_path / workdir.lstrip("/")
    for copy in dockerfile.copies(stage):
        for source in copy.sources:
            for path in dockerfile.context_files(repository, source, rules):
                target = home / copy.target
                if copy.target.endswith("/"):
                    target = target / source
                target = target if source == str(path) else target / path.relative_to(source)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(repository / path, target)
    lines = [dockerfile.shell_line(line) for line in stage.all("RUN")]
    steps = [line for line in lines if "apt-get" not in line]
    assert "make .venv/.runtime" in steps
    for step in steps:
        _run(["sh", "-c", step], cwd=home, env=_clean_environment())
    return home


def _clean_environment() -> dict[str, str]:
    unwanted = {"VIRTUAL_ENV", "PYTHONPATH", "MAKEFLAGS", "MAKELEVEL", "PYTHONHOME"}
    kept = {key: value for key, value in os.environ.items() if key not in unwanted}
    folders = [part for part in kept["PATH"].split(os.pathsep) if ".venv" not in part]
    # Byte code is made when first needed: compiling all of it takes a third of the install.
    return {**kept, "PATH": os.pathsep.join(folders), "PIP_NO_COMPILE": "1"}


def _run(words: list[str], *, cwd: Path, env: dict[str, str]) -> str:
    done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def _wait_until_healthy(
    check: list[str], process: subprocess.Popen[bytes], env: dict[str, str]
) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        assert process.poll() is None, "the service ended by itself"
        if subprocess.run(check, env=env, capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.5)
    pytest.fail(f"the health check of the Dockerfile did not pass within {START_S:.0f} s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
