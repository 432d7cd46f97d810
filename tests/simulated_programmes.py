"""Programmes drawn at random whose truth is known: how often intervals cover it, how often a verdict is wrong.

Run it to print the table of docs/comparisons.md: ``python tests/simulated_programmes.py [draws] [programmes]``.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from flipstats import cohorts
from flipstats.effects.clusters import cluster_means
from flipstats.effects.means import ancova_hc3, welch
from flipstats.effects.mixed import reml_kr
from flipstats.effects.proportions import newcombe
from flipstats.errors import FlipstatsError

LOWEST, HIGHEST = 0.94, 0.985
GROUPS = (3, 6, 12, 30)
ICCS = (0.0, 0.1, 0.3)
SIZES = {"balanced": (12, 12), "unbalanced": (4, 30)}
SIDES = {"small": (12, 12), "unequal": (15, 60), "large": (150, 150)}
OF_LEARNERS = ("welch", "ancova_hc3", "newcombe")
EFFECT, SHARE = 0.3, 0.15
LATENT = (0.6, 0.2)  # of who completes, treated and control


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many of `draws` intervals held the truth, and how many the method refused to give."""

    hit: int
    draws: int
    refused: int = 0

    @property
    def share(self) -> float:
        return self.hit / (self.draws - self.refused)

    @property
    def holds(self) -> bool:
        """The rule: 94 % less 3.5 Monte-Carlo standard errors, at most 98.5 % and as many more."""
        n = self.draws - self.refused
        error = [3.5 * np.sqrt(p * (1 - p) / n) for p in (LOWEST, HIGHEST)]
        return LOWEST - error[0] <= self.share <= HIGHEST + error[1]


def primary(groups: int) -> Callable:
    return cluster_means if groups < 10 else reml_kr


def naive(y, arm, g):
    """What learns nothing of groups."""
    return welch(y, arm)


def in_groups(random, groups, icc, sizes, *, treated_groups=None):
    """Groups and learners of one programme: arm and group of each learner, and what their group shares."""
    arms = (
        np.arange(2 * groups) % 2
        if treated_groups is None
        else np.arange(treated_groups + groups) < treated_groups
    )
    size = random.integers(sizes[0], sizes[1] + 1, len(arms))
    g = np.repeat(np.arange(len(arms)), size)
    return arms[g].astype(float), g, np.sqrt(icc) * random.normal(size=len(arms))[g]


def coverage_in_groups(
    method, groups, icc, sizes, draws, *, seed=2, binary=False, treated_groups=None
) -> Coverage:
    """Scores, or completion by a latent score, of `groups` groups an arm."""
    random = np.random.default_rng([seed, groups, int(100 * icc), sizes[0], binary])
    hit = refused = 0
    truth = EFFECT
    if binary:
        from scipy.stats import norm

        truth = float(norm.cdf(LATENT[0]) - norm.cdf(LATENT[1]))
    for _ in range(draws):
        arm, g, shared = in_groups(random, groups, icc, sizes, treated_groups=treated_groups)
        own = np.sqrt(1 - icc) * random.normal(size=len(g))
        y = (
            (shared + own + np.where(arm == 1, *LATENT) > 0).astype(float)
            if binary
            else shared + own + EFFECT * arm
        )
        try:
            found = method(y, arm, g)
        except FlipstatsError:
            refused += 1
            continue
        hit += found.low <= truth <= found.high
    return Coverage(hit, draws, refused)


def coverage_of_learners(method, sides, draws, *, seed=6) -> Coverage:
    """Trials of learners who were drawn one by one; spreads of the arms differ."""
    random, hit = np.random.default_rng([seed, *sides]), 0
    arm = np.repeat([1.0, 0.0], sides)
    for _ in range(draws):
        x = random.normal(size=len(arm))
        if method == "newcombe":
            y, truth = (random.random(len(arm)) < np.where(arm == 1, 0.6 + SHARE, 0.6)).astype(float), SHARE
            found = newcombe(y, arm)
        else:
            y, truth = (
                0.5 * x + EFFECT * arm + np.where(arm == 1, 1.0, 1.4) * random.normal(size=len(arm)),
                EFFECT,
            )
            found = welch(y, arm) if method == "welch" else ancova_hc3(y, arm, covariates=x)
        hit += found.low <= truth <= found.high
    return Coverage(hit, draws)


# ------------------------------------------------------------------------------- programmes without any effect


def _learners(random, arm, g, shared, icc, *, gap=0.0):
    """A table whose arm does nothing: y, passed and a measure before, x, which may differ by `gap`."""
    common = random.normal(size=len(arm))
    x = 0.8 * common + 0.6 * random.normal(size=len(arm)) + gap * arm
    y = 0.6 * (x if gap else common) + shared + np.sqrt(1 - icc) * random.normal(size=len(arm))
    return pl.DataFrame(
        {
            "y": y,
            "passed": (y > 0).astype(int),
            "x": x,
            "arm": np.where(arm == 1, "f", "c"),
            "g": [f"g{k}" for k in g],
        }
    )


def _lost(random, frame, *, share, by=0.0, more_treated=0.0):
    """Take outcomes away: more of those who had a low start (`by`), more in the treated arm."""
    treated = (frame["arm"] == "f").to_numpy()
    chance = share * np.exp(-by * frame["x"].to_numpy()) + more_treated * treated
    gone = random.random(frame.height) < np.clip(chance, 0, 0.9)
    return frame.with_columns(pl.when(pl.Series(~gone)).then(pl.col(c)).alias(c) for c in ("y", "passed"))


def draw_null(random, design: str, k: int) -> tuple[pl.DataFrame, dict[str, object]]:
    """One programme without effect of a design, and how it is compared."""
    groups, icc, sizes = (3, 4, 6, 8, 12)[k % 5], ICCS[k % 3], tuple(SIZES.values())[k % 2]
    binary = k % 4 == 3
    asked = {
        "outcome": "passed" if binary else "y",
        "binary": binary,
        "pre": "x" if k % 3 else None,
        "seed": k,
    }
    if design in ("individual", "individual, outcomes missing", "matched on a baseline gap"):
        n = int(random.integers(20, 150))
        arm = random.permutation(np.arange(2 * n) % 2).astype(float)
        gap = (0.0, 0.03, 0.15, 0.24)[k % 4] if design == "matched on a baseline gap" else 0.0
        frame = _learners(random, arm, arm, 0.0, 0.0, gap=gap)
        if "missing" in design:
            frame = _lost(random, frame, share=0.1, by=0.5, more_treated=0.05 * (k % 3))
        if gap or "matched" in design:
            return frame, asked | {"assignment": "nonrandom", "pre": "x"}
        return frame, asked | {"assignment": "random_individual"}
    arm, g, shared = in_groups(random, groups, icc, sizes)
    frame = _learners(random, arm, g, shared, icc, gap=0.15 if "gap" in design else 0.0)
    if "missing" in design:
        frame = _lost(random, frame, share=0.1, by=0.5, more_treated=0.05 * (k % 3))
    assignment = {"groups, historical": "historical", "groups, not drawn, baseline gap": "nonrandom"}
    asked |= {"cluster": "g", "assignment": assignment.get(design, "random_cluster")}
    if assignment.get(design):
        asked["pre"] = "x"
    return frame, asked


DESIGNS = (
    "individual",
    "individual, outcomes missing",
    "matched on a baseline gap",
    "groups",
    "groups, outcomes missing",
    "groups, not drawn, baseline gap",
    "groups, historical",
)


def verdicts(design: str, programmes: int, seed: int = 4) -> Counter:
    """Count the verdicts on programmes of a design whose true effect is nothing."""
    random, found = np.random.default_rng([seed, DESIGNS.index(design)]), Counter()
    for k in range(programmes):
        frame, asked = draw_null(random, design, k)
        try:
            result = cohorts.compare_table(frame, arm="arm", treated="f", control="c", **asked)
        except FlipstatsError:
            found["refused"] += 1
            continue
        found[result.verdict.code] += 1
    return found


def naive_claims(design: str, programmes: int, seed: int = 4) -> float:
    """Share of the same programmes on which a test of learners alone would have said that it works."""
    random, said = np.random.default_rng([seed, DESIGNS.index(design)]), 0
    for k in range(programmes):
        frame, asked = draw_null(random, design, k)
        frame = frame.drop_nulls(asked["outcome"])
        found = welch(frame[asked["outcome"]].to_numpy().astype(float), (frame["arm"] == "f").to_numpy())
        said += found.low > 0
    return said / programmes


def main(draws: int, programmes: int) -> None:
    """Print every cell as it is done."""
    for design in DESIGNS if programmes else ():
        found = verdicts(design, programmes)
        shares = {code: f"{100 * n / programmes:.2f} %" for code, n in found.most_common()}
        print("null", design, shares, f"naive {100 * naive_claims(design, programmes):.1f} %", flush=True)
    for method in OF_LEARNERS if draws else ():
        for name, sides in SIDES.items():
            found = coverage_of_learners(method, sides, draws)
            print("learners", method, name, f"{found.share:.4f}", found.holds, flush=True)
    for groups in GROUPS if draws else ():
        for icc in ICCS:
            for name, sizes in SIZES.items():
                cells = {
                    "score": coverage_in_groups(primary(groups), groups, icc, sizes, draws),
                    "completion": coverage_in_groups(cluster_means, groups, icc, sizes, draws, binary=True),
                    "naive": coverage_in_groups(naive, groups, icc, sizes, draws),
                }
                if groups < 30:
                    cells["unequal_arms"] = coverage_in_groups(
                        primary(groups), groups, icc, sizes, draws, treated_groups=2 * groups
                    )
                told = {k: (round(c.share, 4), c.refused, bool(c.holds)) for k, c in cells.items()}
                print("groups", groups, icc, name, told, flush=True)


if __name__ == "__main__":
    given = [int(text) for text in sys.argv[1:]]
    main(*(given + [10_000, 2_000][len(given) :]))
