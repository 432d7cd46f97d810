"""The page `evidence`: how far the data carry, and the hours that can be proved."""

from __future__ import annotations

import polars as pl

from flipstats import display, figures, i18n
from flipstats.dashboard.about import About
from flipstats.dashboard.state import Block, Choice, Content, Form, Section
from flipstats.display.annex import reason_words
from flipstats.errors import FlipstatsError
from flipstats.export.hours import COLUMNS, OTHER, hours
from flipstats.headline import Line
from flipstats.i18n import LANGUAGES, in_language, number, percent, t
from flipstats.study import Study

_ACCOUNT = ("read", "kept", "merged", "set_aside")


class Evidence:
    """What the page shows of a study, for a role; made once, it no longer needs the study.

    Parameters
    ----------
    study : Study
    role : {"research", "manager", "trainer"}
        Outside research, hours of small groups are hidden, and remarks that may point at one person left out.
    language : {"en", "fr"}, optional
        Where the viewer's address asks for none; the programme's by default.

    Attributes
    ----------
    language : str
    """

    def __init__(self, study: Study, role: str, language: str | None = None) -> None:
        self.language = language or study.programme.language
        self._about = About.of(study, role)
        self._level = study.thresholds.confidence_level
        self._hours = hours_of(study, role)
        self._sources = study.table("sources").collect()
        self._account = _account(study) if role == "research" else None
        self._said = {lang: _told(study, role, lang) for lang in LANGUAGES}

    def form(self) -> Form:
        """Return what may be chosen, in the language in use."""
        return Form(self._about.controls())

    def content(self, choice: Choice) -> Content:
        """Return everything the page shows for a choice, in the language in use."""
        told = self._said[i18n.language()]
        credited = self._credited(choice)
        return Content(
            title=t("evidence.title", programme=self._about.title),
            subtitle=self._about.subtitle(),
            scope=self._about.scope(choice),
            lines=[credited, self._records(), told["computable"]],
            sections=[
                Section("hours", t("evidence.q_hours"), credited.sentence, self._hours_blocks(choice)),
                Section("sources", t("evidence.q_sources"), t("evidence.a_sources"), self._source_blocks()),
                Section("quality", t("evidence.q_quality"), told["standing"], told["blocks"]),
            ],
            notes=[*self._about.notes(), t("evidence.note_rule")],
        )

    # ------------------------------------------------------------------------------------------- words

    def _credited(self, choice: Choice) -> Line:
        label = t("evidence.label_hours")
        rows = self._of(choice).filter(pl.col("reason").is_null())
        row = rows.row(0, named=True) if rows.height else None
        if row is None:
            return Line("hours", label, "–", "", t("evidence.no_hours"), "")
        if row["credited"] is None:
            return Line("hours", label, "–", "", t("page.because_suppressed"), "")
        words = {name: number(row[name], 1) for name in ("announced", "credited", "measured")}
        interval = ""
        if row["low"] is not None:
            level = percent(self._level)
            interval = t(
                "evidence.between", low=number(row["low"], 1), high=number(row["high"], 1), level=level
            )
        sentence = t("evidence.said_hours", n=number(row["learners"], 0), **words)
        return Line(
            "hours",
            label,
            t("evidence.hours", n=words["credited"]),
            interval,
            sentence,
            t("evidence.caveat_hours"),
        )

    def _records(self) -> Line:
        label = t("evidence.label_records")
        if not self._sources.height:
            return Line("records", label, "–", "", t("report.no_sources"), "")
        sums = {name: int(self._sources[f"rows_{name}"].sum()) for name in _ACCOUNT}
        share = percent(1 - sums["set_aside"] / max(sums["read"], 1), 1)
        words = {name: number(n, 0) for name, n in sums.items()}
        return Line(
            "records", label, share, "", t("evidence.said_records", n=self._sources.height, **words), ""
        )

    # ----------------------------------------------------------------------------------------- blocks

    def _of(self, choice: Choice) -> pl.DataFrame:
        """Return the rows of hours over everything chosen."""
        hours = self._hours
        if choice["cohort"] is not None:
            return hours.filter(cohort_id=choice["cohort"])
        alone = hours.filter(pl.col("cohort_id").is_null())
        return alone.filter(pl.col("iteration").eq_missing(pl.lit(choice.number("iteration"), pl.Int64)))

    def _hours_blocks(self, choice: Choice) -> list[Block]:
        titles = self._about.titles()
        chosen = self._about.chosen(choice).select("cohort_id")
        rows = self._hours.filter(pl.col("reason").is_null()).join(
            chosen, on="cohort_id", maintain_order="right"
        )
        named = rows.with_columns(
            pl.col("cohort_id").replace_strict(titles, default="–", return_dtype=pl.String).alias("group"),
            pl.col("learners").alias("n"),
        )
        if not named["credited"].is_not_null().any():
            missing = t("page.because_suppressed") if named.height else t("evidence.no_hours")
            remedy = t("page.remedy_suppressed") if named.height else t("evidence.remedy_hours")
            return [Block("hours", missing=missing, remedy=remedy), Block("reasons", missing=missing)]
        picture = figures.hours_by_group(named, level=self._level)
        return [Block("hours", picture), self._reasons(choice)]

    def _reasons(self, choice: Choice) -> Block:
        """Return why hours were credited; of one group alone where its reasons are not too few learners'."""
        split, note = self._of(choice).filter(pl.col("reason").is_not_null()), t("evidence.note_reasons")
        if not split.height and choice["cohort"] is not None:
            iteration = self._about.chosen(choice)["iteration"][0]
            split = self._of(Choice.of(iteration=iteration)).filter(pl.col("reason").is_not_null())
            group = self._about.titles()[choice["cohort"]]
            note = f"{t('evidence.not_this_group', group=group)} {note}"
        if not split.height:
            return Block("reasons", missing=t("page.because_suppressed"))
        shown = list(split.sort("announced", descending=True).iter_rows(named=True))
        frame = pl.DataFrame(
            {
                t("evidence.column_reason"): [_reason(row["reason"]) for row in shown],
                t("evidence.column_learners"): [number(row["learners"], 0) for row in shown],
                t("figures.column_announced"): [
                    number(row["announced"] * row["learners"], 1) for row in shown
                ],
                t("figures.column_credited"): [number(row["credited"] * row["learners"], 1) for row in shown],
            }
        )
        return Block("reasons", html=display.table(frame, t("evidence.caption_reasons"), note=note))

    def _source_blocks(self) -> list[Block]:
        if not self._sources.height:
            missing, remedy = t("report.no_sources"), t("evidence.remedy_sources")
            return [Block("formats", missing=missing, remedy=remedy), Block("account", missing=missing)]
        by_format = self._sources.group_by("format").agg(
            pl.len().alias("files"),
            pl.col("covers_to").max(),
            *(pl.col(f"rows_{name}").sum() for name in _ACCOUNT),
        ).sort("rows_read", descending=True)  # fmt: skip
        frame = pl.DataFrame(
            {
                t("report.column_format"): by_format["format"],
                t("report.column_in_files"): [number(n, 0) for n in by_format["files"]],
                t("report.column_until"): [
                    i18n.date(day, self._about.zone) for day in by_format["covers_to"]
                ],
                **{
                    t(f"report.column_{name}"): [number(n, 0) for n in by_format[f"rows_{name}"]]
                    for name in _ACCOUNT
                },
            }
        )
        table = display.table(frame, t("evidence.caption_formats"), note=t("evidence.note_formats"))
        return [Block("formats", html=table, wide=True), self._account_block()]

    def _account_block(self) -> Block:
        if self._account is None or not self._account.height:
            key = "account_hidden" if self._account is None else "account_none"
            return Block("account", missing=t(f"evidence.{key}"), wide=True)
        frame = pl.DataFrame(
            {
                t("report.column_reason"): [reason_words(reason) for reason in self._account["reason"]],
                t("report.column_outcome"): [
                    t(f"report.outcome_{name}") for name in self._account["outcome"]
                ],
                t("report.column_records"): [number(n, 0) for n in self._account["records"]],
            }
        )
        return Block("account", html=display.table(frame, t("report.caption_reasons")), wide=True)


def _reason(reason: str) -> str:
    return t("evidence.other_reasons") if reason == OTHER else t(f"ledger.reason_{reason}")


def hours_of(study: Study, role: str) -> pl.DataFrame:
    """Return `flipstats.export.hours.hours` of a study: an export for managers brings its own.

    A study too poor for a ledger has none.
    """
    if study.served is not None:
        return pl.DataFrame(list(study.served.aside.get("hours", [])), schema=COLUMNS)
    try:
        return hours(study, hide=role != "research")
    except FlipstatsError:
        return pl.DataFrame(schema=COLUMNS)


def _account(study: Study) -> pl.DataFrame:
    return (
        study.table("account")
        .group_by("outcome", "reason")
        .agg(pl.len().alias("records"))
        .sort("outcome", "records", descending=[False, True])
        .collect()
    )


def _told(study: Study, role: str, lang: str) -> dict:
    """Return what is said of the data's quality in a language: it does not depend on any choice."""
    with in_language(lang):
        whole, partly, none = display.counted(study)
        known = display.known(study, role=role)
        blocks = [
            Block("computed", html=display.computed(study), wide=True),
            Block("known", html=known),
            Block("odd", html=display.odd(study))
            if role == "research"
            else Block("odd", missing=t("evidence.odd_hidden")),
        ]
        line = Line(
            "computable",
            t("evidence.label_computable"),
            t("evidence.of", n=whole + partly, total=whole + partly + none),
            "",
            t("report.quality_indicators", whole=whole, partly=partly, none=none),
            "",
        )
        return {"computable": line, "standing": t("evidence.a_quality"), "blocks": blocks}
