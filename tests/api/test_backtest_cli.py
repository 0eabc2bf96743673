"""`arv backtest` by the command line, recounted from what `arv forecast` writes."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import box

from api.cli import run

CELL_M, HORIZON = 500, 28
START, END = date(2025, 3, 3), date(2025, 5, 26)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a log in local times and a boundary of two districts."""
    folder = tmp_path_factory.mktemp("city")
    random = np.random.default_rng(1)
    n = 2_500
    at = pd.Timestamp(END) - pd.to_timedelta(random.integers(0, 1_500 * 24, n), unit="h")
    at = at.where(at.hour > 2, at + pd.Timedelta(hours=4))
    pd.DataFrame(
        {
            "x": random.normal(525_000, 1_300, n).round(1),
            "y": random.normal(174_000, 1_100, n).round(1),
            "occurred_at": at.strftime("%Y-%m-%dT%H:%M"),
        }
    ).to_csv(folder / "log.csv", index=False)
    halves = [box(520_100, 170_100, 525_000, 178_000), box(525_000, 170_100, 530_200, 178_000)]
    gpd.GeoDataFrame(geometry=halves, crs=27700).to_file(folder / "city.gpkg")
    return folder


def options(city: Path) -> list[str]:
    return ["--incidents", str(city / "log.csv"), "--boundary", str(city / "city.gpkg"),
            "--crs", "EPSG:27700", "--cell-size-m", str(CELL_M), "--horizon-days",
            str(HORIZON)]  # fmt: skip


def test_the_backtest_agrees_with_a_recount_from_forecasts(city: Path, tmp_path: Path) -> None:
    answer = tmp_path / "b.json"
    dates = ["--start", START.isoformat(), "--end", END.isoformat(), "--json", str(answer)]
    assert run(["backtest", *options(city), *dates]) == 0
    found = json.loads(answer.read_text())
    log = pd.read_csv(city / "log.csv", parse_dates=["occurred_at"])
    hits, logs, total = np.zeros(4), 0.0, 0
    for number, window in enumerate(found["windows"]):
        day = START + timedelta(days=HORIZON * number)
        out = tmp_path / f"{number}.parquet"
        assert run(["forecast", *options(city), "--as-of", day.isoformat(), "--out", str(out)]) == 0
        cells = pd.read_parquet(out)
        assert window["as_of"] == day.isoformat()
        assert window["expected"] == pytest.approx(cells["expected"].sum(), abs=1e-6)
        until = pd.Timestamp(day + timedelta(days=HORIZON))
        now = log[(log["occurred_at"] >= pd.Timestamp(day)) & (log["occurred_at"] < until)]
        now = now[now["x"].between(520_100, 530_200) & now["y"].between(170_100, 178_000)]
        # The nearest centre inside: which is the cell itself unless its centre is outside.
        away = np.maximum(
            np.abs(now["x"].to_numpy()[:, None] - cells["x_m"].to_numpy()),
            np.abs(now["y"].to_numpy()[:, None] - cells["y_m"].to_numpy()),
        )
        happened = np.bincount(away.argmin(axis=1), minlength=len(cells))
        order = np.argsort(-cells["expected"].to_numpy(), kind="stable")
        tops = [max(round(a * len(cells)), 1) for a in (0.01, 0.02, 0.05, 0.1)]
        window_hits = [happened[order[:top]].sum() for top in tops]
        assert window["hits"]["mixture"] == pytest.approx(window_hits)
        assert window["incidents"] == len(now)
        share = (cells["expected"] / cells["expected"].sum()).to_numpy()
        logs += happened @ np.log(0.995 * share * len(cells) + 0.005)
        hits, total = hits + window_hits, total + len(now)
    mixture = found["methods"]["mixture"]
    assert mixture["hit_rate"] == pytest.approx(hits / total, abs=1e-6)
    assert mixture["pai"] == pytest.approx(hits / total / [0.01, 0.02, 0.05, 0.1], abs=1e-4)
    assert mixture["log_score"] == pytest.approx(logs / total, abs=1e-6)
    assert {"fixed_mix", "district_share"} <= set(found["methods"])


def test_json_on_standard_output_and_refusals(city: Path, tmp_path: Path, capsys) -> None:
    dates = ["--start", "2025-04-28", "--end", "2025-05-26", "--json", "-"]
    assert run(["backtest", *options(city), *dates]) == 0
    streams = capsys.readouterr()
    assert json.loads(streams.out)["settings"]["n_windows"] == 1
    assert "Backtest card" in streams.err
    folder = tmp_path / "out.json"
    wrong = ["--start", "2025-05-26", "--end", "2025-04-28", "--json", str(folder)]
    assert run(["backtest", *options(city), *wrong]) == 1
    assert "whole windows" in capsys.readouterr().err
    right = ["--start", "2025-04-28", "--end", "2025-05-26", "--json", str(folder)]
    assert run(["backtest", *options(city), *right, "--scheduler", "nowhere"]) == 1
    assert "--scheduler" in capsys.readouterr().err
    assert not folder.exists()


def test_a_folder_of_parts_gives_the_same_bytes(city: Path, tmp_path: Path) -> None:
    log = pd.read_csv(city / "log.csv")
    parts = tmp_path / "parts"
    parts.mkdir()
    for n in range(3):
        log.iloc[n::3].to_csv(parts / f"{n}.csv", index=False)
    cut = [*options(city)]
    cut[1] = str(parts)
    for name, given in (("whole", options(city)), ("parts", cut)):
        out = tmp_path / f"{name}.parquet"
        assert run(["forecast", *given, "--as-of", "2025-05-01", "--out", str(out)]) == 0
    assert (tmp_path / "whole.parquet").read_bytes() == (tmp_path / "parts.parquet").read_bytes()
