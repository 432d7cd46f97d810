"""One effect over several iterations (or sites): each alone, their mean, and what a next one may show."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from flipstats.comparison.magnitude import smallest_of
from flipstats.comparison.note import Name, shown
from flipstats.comparison.result import Comparison, Effect
from flipstats.effects.synthesis import Synthesis, random_effects
from flipstats.errors import DesignError
from flipstats.i18n import number, percent, t

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from flipstats.figures import Picture

ACROSS = ("iteration", "site", "trainer_id")


@dataclass(frozen=True, slots=True)
class Overall:
    """Several comparisons of the same outcome put together by random effects.

    Attributes
    ----------
    across : str
        What tells the parts apart.
    parts : dict of str to Comparison
        Those that carry an effect.
    left_out : dict of str to str
        Those that carry none, and why.
    synthesis : Synthesis
        On the scale of the verdict: g for scores, difference of shares for completion.
    """

    across: str
    parts: Mapping[str, Comparison]
    left_out: Mapping[str, str]
    synthesis: Synthesis

    @property
    def binary(self) -> bool:
        """Whether the outcome is yes/no."""
        return next(iter(self.parts.values())).question.kind == "binary"

    def __str__(self) -> str:
        s, question = self.synthesis, next(iter(self.parts.values())).question
        scale, digits = (100.0, 1) if self.binary else (1.0, 2)
        names = ("value", "low", "high", "prediction_low", "prediction_high")
        end = 1.0 if self.binary else np.inf  # a difference of shares ends there, a normal interval does not
        told = {n: scale * min(max(getattr(s, n), -end), end) for n in names}
        numbers = {n: number(value, digits, signed=True) for n, value in told.items()}
        text = t(
            "compare.overall",
            outcome=shown(Name("outcome", question.outcome)),
            treated=shown(question.names[0]),
            control=shown(question.names[1]),
            across=t(f"compare.across_{self.across}"),
            unit=t("compare.unit_percentage_points") if self.binary else t("compare.unit_sd"),
            n=s.k, level=percent(s.level), i2=percent(s.i2), **numbers,
        )  # fmt: skip
        if self.left_out:
            text += " " + t("compare.overall_left_out", names=", ".join(self.left_out))
        return text

    def to_frame(self) -> pl.DataFrame:
        """Return ``part, value, se, df, low, high, p``: each part, the mean, and the prediction interval."""
        rows = [{"part": name} | _numbers(effect_of(part)) for name, part in self.parts.items()]
        rows.append({"part": "mean"} | _numbers(self.synthesis))
        s = self.synthesis
        ahead = {"part": "prediction", "value": s.value, "low": s.prediction_low, "high": s.prediction_high}
        schema = {"part": pl.String} | dict.fromkeys(("value", "se", "df", "low", "high", "p"), pl.Float64)
        return pl.DataFrame([*rows, ahead], schema=schema)

    def to_dict(self) -> dict[str, object]:
        """Return the whole as plain data."""
        return {
            "across": self.across,
            "sentence": str(self),
            "synthesis": {f.name: getattr(self.synthesis, f.name) for f in fields(self.synthesis)},
            "left_out": dict(self.left_out),
            "parts": {name: part.to_dict() for name, part in self.parts.items()},
        }

    def to_json(self) -> str:
        """Return `to_dict` as JSON text."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=2, allow_nan=False)

    def figure(self) -> go.Figure:
        """Return the forest of the parts, their mean first; see `picture`."""
        return self.picture().figure

    def picture(self) -> Picture:
        """Return the forest with its title, caption, alternative text and table."""
        from flipstats.figures import forest

        question = next(iter(self.parts.values())).question
        s, frame = self.synthesis, self.to_frame()
        words = {"mean": t("compare.overall_mean"), "prediction": t("compare.overall_prediction")}
        order = pl.concat([frame.tail(2), frame.head(frame.height - 2)])
        rows = order.select(pl.col("part").replace(words).alias("label"), "value", "low", "high")
        return forest(
            rows.with_columns(level=pl.lit(s.level)),
            smallest=smallest_of(question),
            unit="share" if self.binary else "g",
            treated=str(shown(question.names[0])),
            control=str(shown(question.names[1])),
        )

    def _repr_html_(self) -> str:
        lines = []
        for row in self.to_frame().iter_rows(named=True):
            numbers = (number(row[name], 3, signed=True) for name in ("value", "low", "high"))
            cells = "".join(f"<td>{one}</td>" for one in numbers)
            lines.append(f"<tr><td>{html.escape(row['part'])}</td>{cells}</tr>")
        return f"<p><strong>{html.escape(str(self))}</strong></p><table>{''.join(lines)}</table>"


def effect_of(part: Comparison) -> Effect | None:
    """Return the effect of a part on the scale of the verdict; None where it has none with an error."""
    effect = part.primary if part.question.kind == "binary" else part.g
    return effect if effect is not None and effect.se > 0 else None


def combine(across: str, found: Mapping[str, Comparison], refused: Mapping[str, str]) -> Overall:
    """Put comparisons together by random effects (REML, Knapp and Hartung).

    Raises
    ------
    DesignError
        Fewer than two parts carry an effect.
    """
    parts = {name: part for name, part in found.items() if effect_of(part) is not None}
    left = dict(refused) | {name: part.verdict.sentence for name, part in found.items() if name not in parts}
    if len(parts) < 2:
        why = "; ".join(f"{name}: {text}" for name, text in left.items()) or "–"
        raise DesignError(
            t("compare.too_few_parts", across=t(f"compare.across_{across}"), n=len(parts), why=why)
        )
    effects = [effect_of(part) for part in parts.values()]
    level = next(iter(parts.values())).question.level
    whole = random_effects([e.value for e in effects], [e.se for e in effects], level=level)
    return Overall(across, parts, left, whole)


def _numbers(of: object) -> dict[str, float]:
    return {name: getattr(of, name) for name in ("value", "se", "df", "low", "high", "p")}
