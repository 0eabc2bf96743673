"""A backtest card and a simulation verdict with made-up figures, for the pages that show them."""

from __future__ import annotations

_RATES = {"mixture": [0.05, 0.2], "fixed_mix": [0.04, 0.1]}
CARD = {
    "verdict": "More incidents than any baseline at 5% of area.",
    "methods": {name: {"hit_rate": rates, "log_score": 0.3} for name, rates in _RATES.items()},
    "settings": {
        "area_shares": [0.01, 0.05], "cell_size_m": 250.0, "start": "2025-11-24",
        "end": "2026-11-23", "horizon_days": 28, "n_incidents": 2926, "n_windows": 13,
    },
    "against_best_baseline": [
        {"area_share": 0.05, "baseline": "fixed_mix", "low": 1.1, "high": 2.9, "ratio": 2.0}
    ],
    "calibration": {"expected": 2925.3, "observed": 2926, "within_90": 1.0},
}  # fmt: skip
_SHARE = {"value": 0.688, "lower_95": 0.686, "upper_95": 0.691}
JUDGED = {
    "in_words": {"headline": "Better than three.", "sentences": [], "rows": [], "basis": "400"},
    "proposed": {"share_within": _SHARE},
    "rivals": [{"label": "Nearest centre", "share_within": {**_SHARE, "value": 0.687}}],
}
