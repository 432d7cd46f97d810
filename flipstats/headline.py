"""The answer in a few lines: did they prepare, were they ready, did it work, what next, what limits it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import polars as pl

from flipstats import cohorts, diagnostics, metrics
from flipstats.errors import FlipstatsError
from flipstats.i18n import in_language, language, listing, number, percent, t
from flipstats.metrics import prepared_depth

if TYPE_CHECKING:
    from flipstats.study import Study


# What the headline and the programme report rest on; the data quality report speaks of every indicator.
CORE = (
    "consultation_rate",
    "prepared_rate",
    "preparation_spread",
    "lead_time",
    "start_score",
    "completion_rate",
)
NEXT = 3  # findings in the headline, one of a kind each; the report has the others
# A report and a page ask the same of one study several times.
_compared: WeakKeyDictionary[Study, dict[str, cohorts.Comparison]] = WeakKeyDictionary()
_computable: WeakKeyDictionary[Study, list[metrics.Computable]] = WeakKeyDictionary()
_diagnosed: WeakKeyDictionary[Study, dict[str, diagnostics.Diagnosis]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the headline.

    Attributes
    ----------
    key : str
        ``prepared``, ``ready``, ``summative``, ``completion``, ``next`` (up to three lines) or ``limits``.
    label : str
        What it answers, in two or three words.
    value_text, interval_text : str
        What stands large (a number, a verdict) and its interval, as the reader writes them; empty where there
        is none.
    sentence : str
        The whole answer in one sentence.
    caveat : str
        The main thing to keep in mind; empty where there is none.
    """

    key: str
    label: str
    value_text: str
    interval_text: str
    sentence: str
    caveat: str

    def __str__(self) -> str:
        return f"{self.sentence} {self.caveat}".strip()


@dataclass(frozen=True, slots=True)
class Headline:
    """The few lines a manager reads first; ``str()`` gives them one below the other."""

    title: str
    lines: tuple[Line, ...]

    def __str__(self) -> str:
        return "\n".join([self.title, *(f"  • {line.label} — {line}" for line in self.lines)])


def headline(study: Study, lang: str | None = None, *, role: str = "research") -> Headline:
    """Say in a few lines what a study shows.

    Parameters
    ----------
    study : Study
        The study, or a selection of it.
    lang : {"en", "fr"}, optional
        The language; by default the one in use.
    role : str
        Who will read it: small groups are suppressed outside ``research``.

    Returns
    -------
    Headline
    """
    with in_language(lang or language()):
        n = study.n_learners
        groups = study.table("cohorts").select(pl.len()).collect().item()
        title = t("headline.title", title=study.programme.title or study.programme.id, n=n, groups=groups)
        lines = [prepared_line(study, role), ready_line(study, role)]
        lines += [effect_line(study, outcome, role) for outcome in ("summative", "completion")]
        lines += [*next_lines(study, role), limits_line(study)]
        return Headline(title, tuple(line for line in lines if line is not None))


def compared_once(study: Study, outcome: str) -> cohorts.Comparison:
    """Compare the arms on an outcome; asked again of the same study, the same answer is given."""
    known = _compared.setdefault(study, {})
    if outcome not in known:
        known[outcome] = cohorts.compare(study, outcome=outcome)
    return known[outcome]


def computable_once(study: Study) -> list[metrics.Computable]:
    """Return whether the study can tell what the headline rests on, worked out once; see `CORE`."""
    if study not in _computable:
        _computable[study] = metrics.computable(study, CORE)
    return _computable[study]


def diagnosed_once(study: Study, role: str = "research") -> diagnostics.Diagnosis:
    """Diagnose a study for a role; asked again of the same study, the same answer is given."""
    known = _diagnosed.setdefault(study, {})
    if role not in known:
        known[role] = diagnostics.diagnose(study, role=role)
    return known[role]


def prepared_line(study: Study, role: str = "research") -> Line:
    """Say how many learners came prepared, at the deepest level the sources can carry."""
    depth = prepared_depth(study)
    label = t("headline.prepared_label")
    if depth is None:
        return _silent("prepared", label, t("metrics.level_not_traced"))
    rows = metrics.prepared_rate(study, depth=depth, role=role)
    row = rows.filter(pl.col("statistic") == "all").row(0, named=True)
    if row["value"] is None:
        return _silent("prepared", label, metrics.reason_text(row["reason"]))
    caveat = ""
    if row["coverage"] is not None and row["coverage"] < 1:
        caveat = t("headline.coverage", share=percent(1 - row["coverage"]))
    return Line(
        "prepared",
        label,
        percent(row["value"]),
        _range(row, percent),
        t(
            f"headline.prepared_{depth}",
            value=percent(row["value"]),
            interval=_range(row, percent),
            n=row["denominator"],
        ),
        caveat,
    )


def ready_line(study: Study, role: str = "research") -> Line:
    """Say how learners did on the quizzes at the start of sessions, each arm apart where there are two."""
    label = t("headline.ready_label")
    arms = [study.design.treated, study.design.control]
    rows = metrics.start_score(study, by=["arm"], role=role).filter(pl.col("statistic") == "mean")
    found = {row["arm"]: row for row in rows.iter_rows(named=True) if row["value"] is not None}
    if not all(arm in found for arm in arms):
        return _ready_overall(study, role)
    treated, control = (found[arm] for arm in arms)
    sentence = t(
        "headline.ready_by_arm",
        treated=percent(treated["value"]),
        treated_interval=_range(treated, percent),
        control=percent(control["value"]),
        control_interval=_range(control, percent),
    )
    answered = metrics.start_score(study, role=role).filter(pl.col("statistic") == "response_rate")["value"][
        0
    ]
    caveat = t("headline.answered", share=percent(answered)) if answered is not None else ""
    return Line("ready", label, percent(treated["value"]), _range(treated, percent), sentence, caveat)


def _ready_overall(study: Study, role: str) -> Line:
    rows = metrics.start_score(study, role=role)
    row = rows.filter(pl.col("statistic") == "mean").row(0, named=True)
    label = t("headline.ready_label")
    if row["value"] is None:
        return _silent("ready", label, metrics.reason_text(row["reason"]))
    interval = _range(row, percent)
    sentence = t("headline.ready", value=percent(row["value"]), interval=interval)
    return Line("ready", label, percent(row["value"]), interval, sentence, "")


def effect_line(study: Study, outcome: str, role: str = "research") -> Line | None:
    """Say what the comparison with the conventional format shows on one outcome."""
    label = t(f"headline.{outcome}_label")
    if study.design.treated is None or study.design.control is None:
        return _silent(outcome, label, t("headline.no_comparison")) if outcome == "summative" else None
    try:
        result = compared_once(study, outcome)
    except FlipstatsError as problem:
        return _silent(outcome, label, str(problem))
    effect = result.primary
    words = result.verdict.words
    if effect is None:  # the refusal tells the mean of each group, which only research may see
        sentence = result.verdict.sentence if role == "research" else t("headline.refused", words=words)
        return Line(outcome, label, words, "", sentence[0].upper() + sentence[1:], "")
    # The verdict stands large: a large difference that proves nothing would be read as a success.
    points, low, high = (number(100 * x, 1, signed=True) for x in (effect.value, effect.low, effect.high))
    value = t("headline.points", n=abs(round(100 * effect.value, 1)), value=points)
    interval = t("headline.interval_points", low=low, high=high, level=percent(effect.level))
    return Line(
        outcome, label, words[0].upper() + words[1:], f"{value} {interval}", result.verdict.sentence, ""
    )


def next_lines(study: Study, role: str = "research") -> list[Line]:
    """Say what to change next: the surest findings with their advice, or why there is none."""
    label = t("headline.next_label")
    try:
        found = diagnosed_once(study, role)
    except FlipstatsError:  # an export of an older flipstats lacks some answers: nothing can be told
        return [Line("next", label, "", "", t("diagnostics.nothing_told"), "")]
    leads = diagnostics.surest(found.findings, NEXT)
    if not leads:
        chance = t("diagnostics.watched", n=len(found.watch)) if found.watch else ""
        return [Line("next", label, "", "", diagnostics.summary(found), chance)]
    return [_step(one, place, len(leads)) for place, one in enumerate(leads, 1)]


def _step(found: diagnostics.Finding, place: int, of: int) -> Line:
    label = t("headline.next_label_of", n=place, of=of) if of > 1 else t("headline.next_label")
    said = f"{found.said} {found.not_known}".strip()
    sentence = t("headline.next", name=found.name, grade=found.grade_word, said=said)
    return Line("next", label, "", "", sentence, f"{t('diagnostics.to_do')} {found.advice}")


def limits_line(study: Study) -> Line | None:
    """Name what this study cannot say."""
    warnings = sorted(study.warnings(), key=lambda notice: not notice.key.startswith("build."))
    entries = computable_once(study)
    possible = {entry.key for entry in entries if entry.status != "not_computable"}
    missing = sorted({metrics.title(entry.key) for entry in entries if entry.key not in possible})
    if not missing and not warnings:
        return None
    sentence = t("headline.missing", n=len(missing), what=listing(missing)) if missing else ""
    return Line("limits", t("headline.limits_label"), "", "", sentence or warnings[0], "")


def _silent(key: str, label: str, reason: str) -> Line:
    return Line(key, label, "–", "", t("headline.not_computable", reason=reason), "")


def _range(row: dict, shown) -> str:
    if row["low"] is None:
        return ""
    return t("headline.interval", low=shown(row["low"]), high=shown(row["high"]), level=percent(row["level"]))
