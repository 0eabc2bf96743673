"""The embedded speeds are those the fit to real drive times gives, and beat a straight line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from allocator.travel_time import RoadSpeeds
from benchmarks.allocator_travel import Drives, fit, read_drives, ward_network


def test_the_defaults_are_the_fit_and_hold_out_better_than_a_straight_line(
    shared_data: Path,
) -> None:
    fitted = fit(read_drives(shared_data), ward_network())
    speeds = RoadSpeeds()
    assert fitted.inner_km_per_h == pytest.approx(speeds.inner_km_per_h, abs=0.05)
    assert fitted.outer_km_per_h == pytest.approx(speeds.outer_km_per_h, abs=0.05)
    assert fitted.river_delay_s == pytest.approx(speeds.river_delay_s, abs=0.5)
    assert 6 < fitted.constant_min < 9  # the ambulance's own, left out of the speeds
    assert np.median(fitted.held_out) < min(0.074, np.median(fitted.held_out_straight))
    assert max(fitted.held_out) < min(0.167, max(fitted.held_out_straight))


def test_times_made_by_known_speeds_give_those_speeds_back() -> None:
    network = ward_network()
    random = np.random.default_rng(5)
    chosen = network.centres[random.permutation(len(network.centres))[:203]]
    hospitals, points = chosen[:3], chosen[3:]
    reach = np.hypot(*(points[:, None] - hospitals[None]).transpose(2, 0, 1)) / 1000.0
    straight = Drives(5.0 + 1.5 * reach, points, hospitals)
    fitted = fit(straight, network)
    assert fitted.constant_min == pytest.approx(5.0, abs=1.0)
    for speed in (fitted.inner_km_per_h, fitted.outer_km_per_h):
        assert 40.0 < speed < 50.0  # 40 km/h in a straight line, and a little more on bent paths
    assert max(fitted.held_out_straight) < 1e-9
