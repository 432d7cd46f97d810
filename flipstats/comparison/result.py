"""A comparison that speaks: its sentence, its rows, its table."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import polars as pl

from flipstats.comparison.note import Name, Note, shown
from flipstats.comparison.question import Question
from flipstats.comparison.verdict import Verdict
from flipstats.conventions import LITERATURE_G
from flipstats.effects.results import Estimate
from flipstats.i18n import number, t

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from flipstats.figures import Picture

ROLES = ("primary", "robustness", "band", "secondary")


@dataclass(frozen=True, slots=True)
class Effect:
    """One number of a comparison with what it means: which outcome, estimand, method, role and variant.

    The numbers are those of `flipstats.effects.results.Estimate`, under the same names.
    """

    outcome: str
    estimand: str
    role: str
    estimate: Estimate

    def __getattr__(self, name: str) -> object:
        if name.startswith("__") or name == "estimate":
            raise AttributeError(name)
        return getattr(self.estimate, name)

    def row(self) -> dict[str, object]:
        """Return the fixed columns, in their order."""
        numbers = self.estimate.row()
        method, variant = numbers.pop("method"), numbers.pop("variant")
        return {
            "outcome": self.outcome,
            "estimand": self.estimand,
            "method": method,
            "role": self.role,
            "variant": variant,
            **numbers,
        }


COLUMNS = {
    "outcome": pl.String, "estimand": pl.String, "method": pl.String, "role": pl.String, "variant": pl.String,
    "value": pl.Float64, "se": pl.Float64, "df": pl.Float64, "low": pl.Float64, "high": pl.Float64,
    "level": pl.Float64, "p": pl.Float64, "n_treated": pl.Int64, "n_control": pl.Int64,
    "clusters_treated": pl.Int64, "clusters_control": pl.Int64,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Comparison:
    """Treated against control on one primary outcome.

    Attributes
    ----------
    question : Question
        What was declared.
    estimand : dict of str to Note
        Population, treated, control, outcome, when, measure, average, drop-outs.
    design : dict
        What was declared and the rule that picked the primary method.
    tier : str
        One of `flipstats.comparison.tier.TIERS`.
    flow : dict
        Learners and groups assigned, started, tested, analysed; see `flipstats.comparison.flow.flow`.
    balance : list of dict
        One row a covariate.
    effects : tuple of Effect
        The primary one first; empty where the design carries none.
    sensitivity : dict
        What else bears on trust: power, what the interval excludes, missing outcomes, hidden bias.
    warnings : tuple of Note
    verdict : Verdict
    parts : dict of str to Comparison
        The secondary outcomes.
    spread : DataFrame
        Learners in bins by outcome, for a picture; see `flipstats.comparison.spread`.
    """

    question: Question
    estimand: Mapping[str, Note]
    design: Mapping[str, object]
    tier: str
    flow: Mapping[str, object]
    balance: list[dict[str, object]]
    effects: tuple[Effect, ...]
    sensitivity: Mapping[str, object]
    warnings: tuple[Note, ...]
    verdict: Verdict
    parts: Mapping[str, Comparison] = field(default_factory=dict)
    spread: pl.DataFrame | None = field(default=None, repr=False, compare=False)

    @property
    def primary(self) -> Effect | None:
        """The primary effect in the unit of the outcome; None where the design carries none."""
        return next((effect for effect in self.effects if effect.role == "primary"), None)

    @property
    def g(self) -> Effect | None:
        """The primary effect in standard deviations; None where there is none."""
        of_primary = [e for e in self.effects if e.role == "primary" and e.variant in ("wwc", "wwc_cluster")]
        return of_primary[0] if of_primary else None

    @property
    def for_whom(self) -> tuple[str, ...]:
        """What was found by band of a moderator, a sentence each; empty where none was asked."""
        from flipstats.comparison.whom import for_whom

        return for_whom(self)

    @property
    def literature(self) -> str:
        """What large studies of flipped classrooms found, and why it is no target."""
        g, low, high = (number(x, 2, signed=True) for x in LITERATURE_G)
        return t("compare.literature", g=g, low=low, high=high)

    def __str__(self) -> str:
        tests = t("compare.text_tests", n=self.sensitivity["tests_run"])
        return " ".join([self.verdict.sentence, *self.for_whom, tests])

    def to_frame(self) -> pl.DataFrame:
        """Return one row a number, with the fixed columns."""
        return pl.DataFrame([effect.row() for effect in self.effects], schema=COLUMNS, orient="row")

    def groups(self) -> pl.DataFrame:
        """Return ``arm, group, value, n``: the mean of each group, as figures take it."""
        rows = [
            {"arm": g["arm"], "group": g["title"], "value": g["mean"], "n": g["analysed"]}
            for g in self.flow["groups"]
            if g["mean"] is not None
        ]
        schema = {"arm": pl.String, "group": pl.String, "value": pl.Float64, "n": pl.Int64}
        return pl.DataFrame(rows, schema=schema, orient="row")

    def arms(self) -> pl.DataFrame:
        """Return ``arm, value, low, high, level, interval, n``: the mean of each arm, as figures take it."""
        schema = {
            "arm": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64,
            "level": pl.Float64, "interval": pl.String, "n": pl.Int64,
        }  # fmt: skip
        return pl.DataFrame(self.design["arms"], schema=schema, orient="row")

    def to_dict(self) -> dict[str, object]:
        """Return the comparison as plain data: what ``flipstats compare --json`` prints."""
        verdict = {
            "words": self.verdict.words,
            "sentence": self.verdict.sentence,
            "threats": list(self.verdict.threats),
        }
        design = {**self.design, "estimand": {name: str(text) for name, text in self.estimand.items()}}
        return {
            "design": _plain(design),
            "tier": self.tier,
            "verdict": verdict,
            "flow": _plain(self.flow),
            "balance": _plain(self.balance),
            "effects": [_plain(effect.row()) for effect in self.effects],
            "sensitivity": _plain(self.sensitivity),
            "warnings": [str(warning) for warning in self.warnings],
        }

    def figure(self, kind: str = "forest") -> go.Figure:
        """Return a figure; `picture` gives it with its caption, alternative text and table.

        Parameters
        ----------
        kind : {"forest", "love", "groups"}
            The effects of all methods and of bands on the scale of the verdict; how alike the arms were
            before, and once weighted; how outcomes spread in each arm (raincloud), with the means of groups
            and arms.

        Raises
        ------
        ParameterError
            There is no such kind.
        NotComputableError
            The design carries no effect, or nothing was measured before.
        """
        return self.picture(kind).figure

    def picture(self, kind: str = "forest") -> Picture:
        """Return a figure with its title, caption, alternative text and table; see `figure`."""
        from flipstats.comparison.picture import picture_of

        return picture_of(self, kind)

    def to_json(self) -> str:
        """Return `to_dict` as JSON text."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=2, allow_nan=False)

    def methods_text(self) -> str:
        """Return a paragraph on methods that a paper could print, with versions and references."""
        from flipstats.comparison.methods_text import methods_text

        return methods_text(self)

    def _repr_html_(self) -> str:
        from flipstats.comparison.page import html_of

        return html_of(self)


def _plain(value: object) -> object:
    """Turn a value into what JSON knows: notes into text, infinite and undefined numbers into null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (Note, Name)):
        return str(value) if isinstance(value, Note) else shown(value)
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return int(value)
    if hasattr(value, "__dataclass_fields__"):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    number_ = float(value)
    return number_ if math.isfinite(number_) else None
