"""How other reported crime shapes a ward's prior mean relative to the average ward.

    r_i = w_0 + sum over c of w_c ((1 - t_i) + t_i x_ic),    then raised by intelligence

``x_ic`` is the ward's rate of covariate c (recorded robbery and violence, say) over London's
mean, ``t_i`` how far that rate is known, and the weights ``w`` >= 0 sum to one. They start at
what the policy trusts and are fitted with the rest of the model by marginal likelihood, so
that a covariate which tells nothing of firearms loses its weight. A sum, not a product of
powers: it is as accurate on the public counts (`benchmarks/london_wards.py`) and every score
stays an exact sum of what each source shaped. Discovered crime is never a covariate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RelativePrior:
    """C covariates and P raising sources of W wards.

    Attributes
    ----------
    start
        float64 (1 + C,): weights before any fit, the pooled one first, summing to one.
    rates
        float64 (C, W) >= 0: each ward's rate over the mean of the wards where it is known.
    trust
        float64 (W,) in [0, 1): how far the rates are known, 0 where they are not.
    raises
        float64 (P, W) >= 0: relative raise of the prior mean by each source of intelligence.
    """

    start: Floats
    rates: Floats
    trust: Floats
    raises: Floats

    def weights(self, log_ratios: Floats) -> Floats:
        """Return weights (1 + C,) whose logs differ from the start by ``log_ratios`` (C,)."""
        raw = self.start * np.exp(np.concatenate([[0.0], log_ratios]))
        return np.asarray(raw / raw.sum(), dtype=np.float64)

    def parts(self, weights: Floats) -> Floats:
        """Return the additive parts (1 + C + P, W) of ``r``, the pooled part first."""
        known = weights[1:, None] * self.trust * self.rates
        pooled = 1.0 - weights[1:].sum() * self.trust
        shaped = np.vstack([pooled, known])
        return np.vstack([shaped, self.raises * shaped.sum(axis=0)])

    def spread(self, weights: Floats) -> Floats:
        """Return (W,): extra squared coefficient of variation of a ward of unknown rates.

        Such a ward could have the rates of any other, so it has their spread as its own.
        """
        known = self.trust > 0
        if not known.any():
            return np.zeros(len(known))
        shaped = self.parts(weights)[: 1 + len(self.rates)].sum(axis=0)
        return np.where(known, 0.0, float(np.var(shaped[known])))
