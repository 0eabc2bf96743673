"""Disks that fill, files that change or may not be read: one line, nothing half-written."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyogrio
import pytest

from api.cli import run
from api.files.output import Output, text_writer, write_all, write_outputs
from tests.bad_input import good_files as good
from tests.bad_input.commands import command

DOORS = {
    "incidents": "feed/meeting csv", "counts": "feed/counts csv", "policy": "policy/toml",
    "fleet": "fleet/toml", "plan": "plan/json", "boundary": "boundary/geojson",
    "wards": "wards/geojson",
}  # fmt: skip


def sound_file(door: str, folder: Path) -> Path:
    name, content = good.good_files()[DOORS[door]]
    folder.mkdir()
    (folder / name).write_bytes(content)
    return folder / name


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    text = capsys.readouterr().err
    assert text.count("\n") == 1, text
    assert "defect" not in text
    assert "Remedy:" in text
    return text


def growing(path: Path, function: Callable[..., object]) -> Callable[..., object]:
    """Return a function that lets the file grow after each call."""

    def call(*arguments: object, **options: object) -> object:
        found = function(*arguments, **options)
        with path.open("ab") as stream:
            stream.write(b"\n")
        return found

    return call


@pytest.mark.parametrize("door", DOORS)
def test_a_file_that_changes_while_it_is_read_is_refused(
    door: str,
    tmp_path: Path,
    inputs: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = sound_file(door, tmp_path / "in")
    out = tmp_path / "results" / "out"
    if door in ("boundary", "wards"):
        for name in ("read_info", "list_layers"):
            monkeypatch.setattr(pyogrio, name, growing(path, getattr(pyogrio, name)))
        monkeypatch.setattr(pyogrio.raw, "read", growing(path, pyogrio.raw.read))
    else:
        fstat = os.fstat
        calls: list[int] = []

        def fstat_then_grow(descriptor: int) -> os.stat_result:
            found = fstat(descriptor)
            if os.path.samestat(found, path.stat()) and not calls:
                calls.append(descriptor)
                with path.open("ab") as stream:
                    stream.write(b"\n")
            return found

        monkeypatch.setattr(os, "fstat", fstat_then_grow)
    assert run(command(door, path, inputs, out)) == 1
    assert "changed while" in one_line(capsys)
    assert not out.parent.exists()


@pytest.mark.parametrize("door", DOORS)
def test_a_file_that_may_not_be_read_is_refused(
    door: str,
    tmp_path: Path,
    inputs: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The refusal of the system is played, for the tests may run as a user who may read all."""
    path = sound_file(door, tmp_path / "in")
    true_open = os.open

    def denied(name: object, *arguments: object, **options: object) -> int:
        if str(name) == str(path):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return true_open(name, *arguments, **options)  # type: ignore[arg-type]  # passed on as given

    monkeypatch.setattr(os, "open", denied)
    assert run(command(door, path, inputs, tmp_path / "results" / "out")) == 1
    assert "ermission denied" in one_line(capsys)
    assert not (tmp_path / "results").exists()


def forecast(inputs: Path, out: Path) -> list[str]:
    """Return a sound forecast as a command in a process of its own."""
    arguments = command("events", inputs / "log.csv", inputs, out)
    return [sys.executable, "-c", "from api.cli import main; main()", *arguments]


def test_a_limit_on_file_size_leaves_nothing_behind(tmp_path: Path, inputs: Path) -> None:
    """As a quota or a full disk does, the system refuses the bytes after the first 1,000."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))

    out = tmp_path / "results" / "out"
    done = subprocess.run(
        forecast(inputs, out), capture_output=True, text=True, check=False, preexec_fn=limit
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Remedy: " in done.stderr
    assert not out.parent.exists()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a file system of 64 KiB, really full soon."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("only a user who may mount can make a small disk to fill")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_keeps_the_earlier_week(tiny_disk: Path, tmp_path: Path) -> None:
    week, elsewhere = tiny_disk / "week", tmp_path / "elsewhere" / "deep"
    write_all(week, {"plan.json": text_writer("old")})
    large = {"map.html": text_writer("x" * 100_000), "plan.json": text_writer("new")}
    with pytest.raises(OSError, match="No space left"):
        write_outputs([Output(elsewhere, {"model.mps": text_writer("m")}), Output(week, large)])
    assert (week / "plan.json").read_text() == "old"
    assert [path.name for path in week.iterdir()] == ["plan.json"]
    assert not elsewhere.parent.exists()


@pytest.mark.parametrize("target", ["/dev/null", "a folder"])
def test_a_result_never_takes_the_place_of_a_device_or_folder(
    target: str,
    tmp_path: Path,
    inputs: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if target == "a folder":
        target = str(tmp_path / "folder")
        Path(target).mkdir()
    before = Path(target).stat()
    wards = inputs.parent / "wards.geojson"
    wards.write_bytes(good.good_files()["wards/geojson"][1])
    code = run(["boundaries", "show", "--wards", str(wards), "--json", target])
    assert code == 1
    assert target in one_line(capsys)
    after = Path(target).stat()
    assert (before.st_mode, before.st_ino) == (after.st_mode, after.st_ino)


@pytest.mark.parametrize(
    "name", ["a\nb.csv", "\x1b[2J.csv", "a" * 251 + ".csv", os.fsdecode(b"\xff.csv")]
)
def test_an_odd_file_name_is_shown_harmlessly(
    name: str, tmp_path: Path, inputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(good.meeting_csv() + b"R9,x\n")
    assert run(command("incidents", path, inputs, tmp_path / "out")) == 1
    line = one_line(capsys)
    assert line.rstrip("\n").isprintable()
    assert "row 7" in line


def test_a_sound_file_of_an_odd_name_is_read(tmp_path: Path, inputs: Path) -> None:
    for name in ("a" * 251 + ".csv", os.fsdecode(b"\xff.csv")):
        path = tmp_path / name
        path.write_bytes(good.meeting_csv())
        assert run(command("incidents", path, inputs, tmp_path / "out")) == 0
        assert (tmp_path / "out" / "assessment.json").is_file()


@pytest.mark.parametrize(
    "marking", ["", "official", "A\nB", os.fsdecode(b"A\xff"), "A" * 81], ids=range(5)
)
def test_a_marking_that_is_none_is_refused(
    marking: str, tmp_path: Path, inputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = command("incidents", inputs / "week.csv", inputs, tmp_path / "out")
    assert run([*arguments, "--classification", marking]) == 1
    assert "marking" in one_line(capsys)
