"""Canonical frames of accepted evidence, with the dtypes every later step relies on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hotspots.incidents import COUNT_DTYPES, RECORD_DTYPES


def records_frame(
    keep: NDArray[np.bool_], columns: Mapping[str, pd.Series | NDArray[np.generic] | str]
) -> pd.DataFrame:
    """Return the kept rows in ``RECORD_DTYPES``; blank texts and absent columns are missing."""
    return _frame(keep, columns, RECORD_DTYPES)


def counts_frame(
    keep: NDArray[np.bool_], columns: Mapping[str, pd.Series | NDArray[np.generic] | str]
) -> pd.DataFrame:
    """Return the kept rows in ``COUNT_DTYPES``; blank texts and absent columns are missing."""
    return _frame(keep, columns, COUNT_DTYPES)


def _frame(
    keep: NDArray[np.bool_],
    columns: Mapping[str, pd.Series | NDArray[np.generic] | str],
    dtypes: Mapping[str, str],
) -> pd.DataFrame:
    size = int(keep.sum())
    made = {}
    for name, kind in dtypes.items():
        values = columns.get(name, "")
        if isinstance(values, str):
            made[name] = pd.Series(values or None, index=pd.RangeIndex(size), dtype="str")
        elif kind == "str":
            texts = pd.Series(values, dtype="str")[keep].reset_index(drop=True)
            made[name] = texts.mask(texts.eq(""))
        elif kind.endswith("UTC]"):
            stamps = pd.DatetimeIndex(np.asarray(values)[keep].astype("datetime64[us]"))
            made[name] = pd.Series(stamps.tz_localize("UTC"))
        else:
            made[name] = pd.Series(np.asarray(values)[keep].astype(kind))
    return pd.DataFrame(made)
