"""What the brief of a session says, as frozen results, and its sentences."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flipstats import i18n, metrics
from flipstats.conventions import CONFIDENCE_LEVEL
from flipstats.i18n import t


@dataclass(frozen=True, slots=True)
class Part:
    """Some out of those of whom it is known, with the interval of the share."""

    some: int
    known: int
    low: float | None = None
    high: float | None = None

    @property
    def share(self) -> float | None:
        """The share; None where nothing is known."""
        return self.some / self.known if self.known else None


@dataclass(frozen=True, slots=True)
class Unprepared:
    """A learner with something known to be undone; ``before``: how often so at earlier sessions.

    ``missing`` holds numbers of `Brief.resources`, from 1.
    """

    learner_id: str
    state: str
    missing: tuple[int, ...]
    before: Part


@dataclass(frozen=True, slots=True)
class ToPrepare:
    """A resource of the preparation, and how many have done it."""

    resource_id: str
    title: str
    kind: str | None
    length_min: float | None
    done: Part


@dataclass(frozen=True, slots=True)
class Blocking:
    """A question of a quiz of the preparation, and how many failed it; ``sure``: surely many."""

    assessment: str
    item: str
    failed: Part
    sure: bool


@dataclass(frozen=True, slots=True)
class TakeUp:
    """Something to take up again: a question failed, *item*, or a *resource* not done (``kind``)."""

    kind: str
    what: str
    part: Part
    sure: bool
    where: str = ""


@dataclass(frozen=True, slots=True)
class Came:
    """Who came to an earlier session, out of those of whom a sheet tells."""

    number: int
    came: int
    told: int


@dataclass(frozen=True, slots=True)
class Brief:
    """The brief of one session.

    Attributes
    ----------
    chosen : {"next", "last", "asked"} or None
        Why this session; None where the study has none.
    session_id, cohort_id, cohort, number, title, modality, starts_at, ends_at, zone
        Which session, of which group, when.
    enrolled : int
        Learners on the roster.
    earlier : tuple of Came
        Who came to the sessions before, the first one first.
    level : float
        Confidence level of every interval.
    depth, told_until
        How deep the sources tell, and up to when they do, at most the start of the session.
    counts : dict
        Learners by state: *prepared*, *part*, *none*, *unknown*.
    prepared : Part
        Those who have prepared everything, out of those of whom all is known.
    unprepared : tuple of Unprepared
        At most `MOST_NAMED`; ``unprepared_more`` counts the others.
    resources, items, take_up
        The preparation, the questions that block (hardest first), what to take up again (surest first).
    asked : tuple of (str, str)
        Questions and misunderstandings handed in before: what was asked for, what was said; ``asked_more``.
    silent, items_silent : str or None
        Why nothing is said of preparation, of questions: a reason of `flipstats.metrics.reason_text`.
    """

    chosen: str | None
    session_id: str = ""
    cohort_id: str = ""
    cohort: str = ""
    number: int | None = None
    title: str = ""
    modality: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    zone: str = "UTC"
    enrolled: int = 0
    earlier: tuple[Came, ...] = ()
    level: float = CONFIDENCE_LEVEL
    depth: str | None = None
    told_until: datetime | None = None
    counts: dict[str, int] | None = None
    prepared: Part = Part(0, 0)
    unprepared: tuple[Unprepared, ...] = ()
    unprepared_more: int = 0
    resources: tuple[ToPrepare, ...] = ()
    items: tuple[Blocking, ...] = ()
    take_up: tuple[TakeUp, ...] = ()
    asked: tuple[tuple[str, str], ...] = ()
    asked_more: int = 0
    silent: str | None = None
    items_silent: str | None = None

    @property
    def undone(self) -> int:
        """How many learners are known to have something undone, whether the rest is known or not."""
        return 0 if self.counts is None else self.counts["part"] + self.counts["none"]

    def __str__(self) -> str:
        if self.chosen is None:
            return metrics.reason_text(self.silent or "no_sessions")
        when, number = i18n.moment(self.starts_at, self.zone), "–" if self.number is None else self.number
        head = t("brief.head", number=number, group=self.cohort, when=when)
        return " ".join([head, expected_sentence(self), prepared_sentence(self)])


def expected_sentence(brief: Brief) -> str:
    """Say how many to expect: the roster, and who came before."""
    said = t("brief.enrolled", n=brief.enrolled)
    if not brief.earlier:
        return said
    came = i18n.listing([t("brief.came_of", came=one.came, told=one.told) for one in brief.earlier])
    return f"{said} {t('brief.came', n=len(brief.earlier), came=came)}"


def prepared_sentence(brief: Brief) -> str:
    """Say how many have prepared everything, and how many have not; or why nobody can tell."""
    if brief.silent is not None:
        return t(f"brief.silent_{brief.silent}")
    part, unknown = brief.prepared, brief.counts["unknown"]
    more = [t("brief.unknown", n=unknown)] if unknown else []
    if not part.known:
        if not brief.undone:
            return t("brief.all_unknown", n=unknown)
        return " ".join([t("brief.undone_only", n=brief.undone), *more])
    besides = brief.undone - (part.known - part.some)
    more = [*([t("brief.undone_too", n=besides)] if besides else []), *more]
    values = {"some": part.some, "known": part.known, "n": part.known - part.some}
    between = t("figures.between", low=i18n.percent(part.low), high=i18n.percent(part.high))
    said = t("brief.prepared" if values["n"] else "brief.prepared_all", interval=between, **values)
    return " ".join([said, *more])
