"""Flipped against conventional, over the whole study and within each iteration."""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from flipstats import cohorts, figures
from flipstats.dashboard.about import cohorts_of
from flipstats.dashboard.state import Block, Choice
from flipstats.display import arm_words
from flipstats.display.compared import outcome_words
from flipstats.display.views import in_arm_words
from flipstats.errors import FlipstatsError
from flipstats.headline import Line
from flipstats.i18n import LANGUAGES, in_language, language, t
from flipstats.study import Study
from flipstats.suppression import suppress

COMPLETION = "completion"


@dataclass(frozen=True, slots=True)
class Compared:
    """What the page needs of one comparison; its words are in the language in use when they are asked.

    Attributes
    ----------
    verdict : Verdict
    treated, control, outcome : str
    share : bool
        Whether the outcome is a share in 0-1.
    groups : DataFrame
        ``id, arm, group, value, n``: the mean of each group.
    arms : DataFrame
        As `Comparison.arms` gives them.
    g : dict or None
        The primary effect in standard deviations, with its interval.
    """

    verdict: object
    treated: str
    control: str
    outcome: str
    share: bool
    groups: pl.DataFrame
    arms: pl.DataFrame
    g: dict | None

    @classmethod
    def of(cls, result: cohorts.Comparison) -> Compared:
        """Take from a comparison what the page needs."""
        asked = result.question
        return cls(
            verdict=result.verdict,
            treated=asked.treated,
            control=asked.control,
            outcome=asked.outcome,
            share=asked.shares or asked.kind == "binary",
            groups=_groups(result),
            arms=result.arms(),
            g=None if result.g is None else result.g.row(),
        )


class Effect:
    """The comparisons of a study, made once.

    Parameters
    ----------
    study : Study
    role : {"research", "manager", "trainer"}
        Outside research, means of small groups, and of those that would give them away, are not shown.
    """

    def __init__(self, study: Study, role: str) -> None:
        named = cohorts_of(study)
        about = named.select("iteration", id="cohort_id")
        self._titles = dict(zip(named["cohort_id"], named["title"], strict=True))
        self.primary = study.design.primary
        self._smallest_cell = study.thresholds.smallest_cell
        self._smallest_effect = study.thresholds.smallest_effect_g
        self._groups_are_cohorts = study.design.cluster == "cohort_id"
        self._found: dict[tuple[int | None, str], Compared] = {}
        self._refused: dict[tuple[int | None, str], dict[str, str]] = {}
        for iteration in [None, *about["iteration"].drop_nulls().unique().sort()]:
            part = study if iteration is None else study.select(iterations=[iteration])
            for outcome in dict.fromkeys([self.primary, COMPLETION]):
                self._compare(part, iteration, outcome)
        self._hidden = frozenset() if role == "research" else self._small_groups(about)

    def _compare(self, study: Study, iteration: int | None, outcome: str) -> None:
        try:
            self._found[iteration, outcome] = Compared.of(cohorts.compare(study, outcome=outcome))
        except FlipstatsError:
            self._refused[iteration, outcome] = {lang: _refusal(study, outcome, lang) for lang in LANGUAGES}

    def _small_groups(self, about: pl.DataFrame) -> frozenset[str]:
        """Return the groups whose means are hidden, the same whatever is chosen."""
        means = [found.groups for (_, outcome), found in self._found.items() if outcome == self.primary]
        if not means:
            return frozenset()
        rows = pl.concat(means).unique("id", keep="first", maintain_order=True)
        kept = suppress(
            rows.join(about, on="id", how="left", maintain_order="left").with_columns(
                pl.lit("mean").alias("statistic"), pl.lit(None, pl.String).alias("reason")
            ),
            margins=["arm", "iteration"],
            apart=["id"],
            cell=["id"],
            slices=["statistic"],
            blank=["value"],
            smallest=self._smallest_cell,
        )
        return frozenset(kept.filter(pl.col("value").is_null())["id"])

    # ------------------------------------------------------------------------------------------- words

    def line(self, choice: Choice) -> Line:
        """Return the verdict on the primary outcome: in words, then its number, then its main caution."""
        label, found = t("page.label_effect"), self._found.get((choice.number("iteration"), self.primary))
        sentence = self.sentence(choice, self.primary)
        if found is None:
            return Line("effect", label, "–", "", sentence, "")
        shown = str(found.verdict.shown) if found.verdict.shown else ""
        caution = "".join(_as_sentence(text) for text in found.verdict.threats[:1])
        return Line("effect", label, _capital(found.verdict.words), shown, sentence, caution)

    def sentence(self, choice: Choice, outcome: str) -> str:
        """Return what a comparison says, or why there is none; and that one group alone is not compared."""
        found = self._found.get((choice.number("iteration"), outcome))
        if found is None:
            return self._refused[choice.number("iteration"), outcome][language()]
        if found.verdict.shown is None and self._hidden:  # its sentence would tell the mean of each group
            said = t("page.refused", words=_capital(found.verdict.words))
        else:
            said = found.verdict.sentence
        return f"{said} {self._not_alone(choice)}".strip()

    # ----------------------------------------------------------------------------------------- figures

    def blocks(self, choice: Choice) -> list[Block]:
        """Return the means of groups and arms, and the effect beside what the literature found."""
        found = self._found.get((choice.number("iteration"), self.primary))
        if found is None:
            missing = self._refused[choice.number("iteration"), self.primary][language()]
            remedy = t("page.remedy_not_compared" if choice["iteration"] is None else "page.remedy_both_arms")
            return [Block("means", None, missing, remedy), Block("forest", None, missing, remedy)]
        return [Block("means", self._means(choice, found)), self._forest(choice, found)]

    def _means(self, choice: Choice, found: Compared) -> figures.Picture:
        groups = found.groups.filter(~pl.col("id").is_in(list(self._hidden)))
        alone = choice["cohort"] is not None and self._groups_are_cohorts
        if alone:
            groups = groups.filter(id=choice["cohort"])
        picture = figures.group_means(
            groups.select("arm", "group", "value", "n").with_columns(in_arm_words()),
            found.arms.with_columns(in_arm_words()),
            treated=arm_words(found.treated),
            outcome=outcome_words(found.outcome),
            share=found.share,
        )
        notes = [t("page.one_mark" if groups.height else "page.no_mark")] if alone else []
        if self._hidden and not alone:
            notes.append(t("page.marks_hidden", n=self._smallest_cell))
        return replace(picture, caption=" ".join([picture.caption, *notes]))

    def _forest(self, choice: Choice, found: Compared) -> Block:
        if found.g is None:
            return Block("forest", None, self.sentence(choice, self.primary), t("page.remedy_few_groups"))
        effects = pl.DataFrame([{"label": outcome_words(found.outcome), **found.g}]).with_columns(
            pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in ("low", "high")
        )
        picture = figures.forest(
            effects,
            smallest=self._smallest_effect,
            treated=arm_words(found.treated),
            control=arm_words(found.control),
        )
        caption = f"{picture.caption} {self._not_alone(choice)}".strip()
        return Block("forest", replace(picture, caption=caption))

    def _not_alone(self, choice: Choice) -> str:
        return "" if choice["cohort"] is None else t("page.not_alone", group=self._titles[choice["cohort"]])


def _refusal(study: Study, outcome: str, lang: str) -> str:
    """Return why a comparison is refused, in a language: an error is put into words where it is raised."""
    with in_language(lang):
        try:
            cohorts.compare(study, outcome=outcome)
        except FlipstatsError as error:
            return _as_sentence(str(error))
    return ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _as_sentence(text: str) -> str:
    return _capital(text).rstrip(".") + "."


def _groups(result: cohorts.Comparison) -> pl.DataFrame:
    rows = [
        {"id": str(g["group"]), "arm": g["arm"], "group": g["title"], "value": g["mean"], "n": g["analysed"]}
        for g in result.flow["groups"]
        if g["mean"] is not None
    ]
    schema = {"id": pl.String, "arm": pl.String, "group": pl.String, "value": pl.Float64, "n": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")
