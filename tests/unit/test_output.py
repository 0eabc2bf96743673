"""Outputs appear whole or not at all."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from api.files.output import json_text, text_writer, write_all, write_file
from api.files.tables import csv_text


def full_disk(_path: Path) -> None:
    raise OSError(errno.ENOSPC, "No space left on device", "partial")


def test_a_fault_in_the_last_file_leaves_the_earlier_week_untouched(tmp_path: Path) -> None:
    folder = tmp_path / "week"
    write_all(folder, {"a.txt": text_writer("old a"), "b.txt": text_writer("old b")})
    with pytest.raises(OSError, match="No space"):
        write_all(folder, {"a.txt": text_writer("new a"), "b.txt": full_disk})
    assert (folder / "a.txt").read_text() == "old a"
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt", "b.txt"]


def test_a_fault_leaves_no_new_folder_behind(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "week"
    with pytest.raises(OSError, match="No space"):
        write_all(folder, {"a.txt": full_disk})
    assert not folder.exists()


def test_other_files_of_the_folder_are_kept(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    write_file(tmp_path / "plan.json", text_writer("{}"))
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_json_never_holds_what_json_cannot(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text({"gap": float("nan")})


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_of_a_table_runs_in_a_spreadsheet(sign: str) -> None:
    import pandas as pd

    text = csv_text(pd.DataFrame({"name": [f"{sign}1+1"], "rate": [-1.5]}))
    shown = sign.replace("\r", "\n")  # inside quotes: it begins no row
    assert f"'{shown}1+1" in text
    assert "-1.5" in text.splitlines()[-1]
