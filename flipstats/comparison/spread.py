"""How the outcomes of each arm spread, in bins: what a picture of them needs, and no learner's own value."""

from __future__ import annotations

import numpy as np
import polars as pl

from flipstats.comparison.question import Analysed, Question

BINS = 41
SCHEMA = {"arm": pl.String, "at": pl.Float64, "count": pl.Int64, "density": pl.Float64}


def spread_of(question: Question, data: Analysed) -> pl.DataFrame:
    """Count the learners of each arm in bins of equal width, and smooth the counts.

    Returns
    -------
    DataFrame
        ``arm, at`` (middle of the bin), ``count``, ``density`` (the highest of an arm is 1); empty for a
        yes/no outcome and where everyone has the same.
    """
    if question.kind == "binary" or np.ptp(data.outcome) == 0:
        return pl.DataFrame(schema=SCHEMA)
    ends = (0.0, 1.0) if question.shares else (data.outcome.min(), data.outcome.max())
    edges = np.linspace(*ends, BINS + 1)
    at = (edges[1:] + edges[:-1]) / 2
    parts = []
    for arm, of_arm in ((question.treated, data.treated), (question.control, ~data.treated)):
        counts = np.histogram(data.outcome[of_arm], edges)[0]
        smooth = _smoothed(data.outcome[of_arm], at, counts)
        parts.append(
            pl.DataFrame({"arm": [arm] * BINS, "at": at, "count": counts, "density": smooth}, schema=SCHEMA)
        )
    return pl.concat(parts)


def _smoothed(values: np.ndarray, at: np.ndarray, counts: np.ndarray) -> np.ndarray:
    # Silverman's rule, at least one bin wide.
    sd = min(values.std(), float(np.subtract(*np.percentile(values, [75, 25]))) / 1.34 or np.inf)
    width = max(0.9 * sd * len(values) ** -0.2, at[1] - at[0])
    smooth = np.exp(-0.5 * ((at[:, None] - at[None, :]) / width) ** 2) @ counts
    return smooth / smooth.max()
