"""What a mapping may say: its parts and their checks. `mapping.py` reads the file that says it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from flipstats import schema
from flipstats.errors import did_you_mean
from flipstats.i18n import t

TABLES = ("attendance", "attempts", "events", "feedback", "contacts", "adaptations")
NUMBERS = ("int", "decimal")
SHARES = ("percent", "share")
SPANS = ("seconds", "minutes", "duration")


def _allowed(table: str, column: str) -> tuple[str, ...]:
    return schema.TABLES[table].by_name[column].allowed


def _one_or_many(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _column_or_field(value: object) -> object:
    return {"column": value} if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_one_or_many)]
Status = Literal[_allowed("attendance", "status")]
Verb = Literal[schema.VERBS]
Kind = Literal[_allowed("resources", "kind")]
ContactKind = Literal[_allowed("contacts", "kind")]
Phase = Literal[_allowed("feedback", "phase")]
Level = Literal[schema.LEVELS]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Read(_Part):
    """How the file is written; what is left out is found out."""

    kind: Literal["csv", "xlsx"] | None = None  # for people; the bytes of the file tell
    sheet: str | None = None  # of a workbook
    encoding: Texts = ()
    delimiter: str = "auto"
    decimal: Literal[",", ".", "auto"] = "auto"
    header_row: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"

    @field_validator("delimiter")
    @classmethod
    def _one_mark(cls, delimiter: str) -> str:
        known = {"tab": "\t", "auto": "auto"}
        if delimiter not in known and len(delimiter) != 1:
            raise ValueError(t("readers_more.mapping_delimiter"))
        return known.get(delimiter, delimiter)


class Learner(_Part):
    """The columns that say who, and of which group."""

    email: str | None = None
    id: str | None = None
    idnumber: str | None = None
    username: str | None = None
    name: str | None = None
    family_name: str | None = None
    given_name: str | None = None
    group: str | None = None

    @model_validator(mode="after")
    def _somebody(self) -> Learner:
        if not any((self.email, self.id, self.idnumber, self.username, self.name, self.family_name)):
            raise ValueError(t("readers_more.mapping_nobody"))
        return self


class When(_Part):
    """A moment: one column, or a column of dates and one of times of day."""

    column: str | None = None
    date: str | None = None
    time: str | None = None
    format: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> When:
        if (self.column is None) == (self.date is None) or (self.time and self.column):
            raise ValueError(t("readers_more.mapping_moment"))
        return self


Moment = Annotated[When, BeforeValidator(_column_or_field)]


class Session(_Part):
    """What makes a session: columns whose values together name it, with its times; or each of `columns`."""

    key: Texts = ()
    columns: Texts = ()
    title: str | None = None
    start: Moment | None = None
    end: Moment | None = None

    @model_validator(mode="after")
    def _named(self) -> Session:
        if bool(self.key or self.start) == bool(self.columns):
            raise ValueError(t("readers_more.mapping_session"))
        return self


class Resource(_Part):
    """Which resource an event is about, by the column of its title or of its course-module id."""

    title: str | None = None
    cmid: str | None = None
    kind: Kind | None = None

    @model_validator(mode="after")
    def _named(self) -> Resource:
        if self.title is None and self.cmid is None:
            raise ValueError(t("readers_more.mapping_resource"))
        return self


class Assessment(_Part):
    """Which assessment an attempt is at: a column of titles, or one title for the whole file."""

    title: str | None = None
    value: str | None = None


class Traces(_Part):
    """What the source can tell: levels of consultation, and of which kinds of resource."""

    levels: Annotated[tuple[Level, ...], BeforeValidator(_one_or_many)]
    kinds: Annotated[tuple[Kind, ...], BeforeValidator(_one_or_many)] = ()


class _Cell(_Part):
    column: str
    missing: Texts = ("", "-")


class Number(_Cell):
    """A column of numbers."""

    type: Literal[NUMBERS] = "decimal"


class Share(_Cell):
    """A column of shares: percent (0 to 100) or share (0 to 1)."""

    type: Literal[SHARES] = "percent"


class Span(_Cell):
    """A column of lengths of time: seconds or minutes as numbers, or a duration such as ``3 min 20 s``."""

    type: Literal["int", "decimal", *SPANS] = "seconds"


class Minutes(_Cell):
    """A column of lengths of time: minutes as numbers, or a duration such as ``1 h 30``."""

    type: Literal["int", "decimal", "minutes", "duration"] = "minutes"


class Score(_Cell):
    """A column of scores: points, percent or share."""

    type: Literal[*NUMBERS, *SHARES] = "decimal"


ANYTHING_ELSE = "*"  # among the words of presence: any other, such as a name written as a signature


class StatusWords(_Cell):
    """A column of presence, and what its words mean: "" an empty cell, "*" any other word."""

    column: str | None = None  # none where each session has a column of its own
    map: dict[str, Status] = Field(default_factory=dict)
    missing: Texts = ()


class VerbWords(_Part):
    """What was done: always the same, or by the words of a column."""

    column: str | None = None
    value: Verb = "viewed"
    map: dict[str, Verb] = Field(default_factory=dict)


class Maximum(_Part):
    """The points that can be had: a column, or one number for the whole file."""

    column: str | None = None
    value: Annotated[float, Field(gt=0)] | None = None


class Ratings(_Part):
    """Columns of ratings, each a question, on one scale."""

    columns: Texts
    scale_max: Annotated[float, Field(gt=0)]
    map: dict[str, float] = Field(default_factory=dict)
    missing: Texts = ("", "-")


class KindWords(_Part):
    """What kind of contact: always the same, or by the words of a column."""

    column: str | None = None
    value: ContactKind = "tutoring"
    map: dict[str, ContactKind] = Field(default_factory=dict)


def _field(model: type[BaseModel]) -> object:
    return Annotated[model, BeforeValidator(_column_or_field)]


class AttendanceFields(_Part):
    """The fields of an attendance sheet."""

    status: _field(StatusWords)
    minutes: _field(Minutes) | None = None
    hours_done: _field(Number) | None = None
    late_minutes: _field(Number) | None = None
    signed_at: Moment | None = None


class EventFields(_Part):
    """The fields of a list of consultations."""

    at: Moment
    verb: _field(VerbWords) = VerbWords()
    seconds: _field(Span) | None = None
    progress: _field(Share) | None = None


class AttemptFields(_Part):
    """The fields of a list of scores."""

    score: _field(Score)
    max: _field(Maximum) | None = None
    attempt: _field(Number) | None = None
    started_at: Moment | None = None
    submitted_at: Moment | None = None


class FeedbackFields(_Part):
    """The fields of answers to a questionnaire: questions of ratings, questions of words."""

    ratings: Ratings | None = None
    comments: Texts = ()
    at: Moment | None = None
    phase: Phase | None = None

    @model_validator(mode="after")
    def _something(self) -> FeedbackFields:
        if self.ratings is None and not self.comments:
            raise ValueError(t("readers_more.mapping_no_question"))
        return self


class ContactFields(_Part):
    """The fields of a journal of contacts with learners."""

    at: Moment
    answered_at: Moment | None = None
    kind: _field(KindWords) = KindWords()


class AdaptationFields(_Part):
    """The fields of a journal of what was adapted for a learner."""

    at: Moment
    what: str
    reason: str | None = None


class Mapping(_Part):
    """What every mapping has."""

    format: str | None = None  # a name for people; flipstats does not use it
    read: Read = Read()
    locale: str | None = None
    timezone: str | None = None
    learner: Learner

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        if zone is not None and zone not in available_timezones():
            near = did_you_mean(zone, available_timezones()) or "Europe/Paris"
            raise ValueError(t("readers_more.mapping_zone", zone=zone, near=near))
        return zone

    @property
    def language(self) -> str | None:
        """The language of the file, ``"fr"`` of ``fr_FR``."""
        return self.locale[:2].lower() if self.locale else None

    @property
    def date_order(self) -> str | None:
        """Which of day and month comes first where the locale says so."""
        if self.locale is None or self.locale.lower() == "en":
            return None
        return "month_first" if self.locale.replace("-", "_").lower() == "en_us" else "day_first"

    def columns(self) -> Iterator[tuple[str, str]]:
        """Yield (where in the mapping, column named there)."""
        yield from _columns(self, ())


class AttendanceMapping(Mapping):
    """A sheet of who was there."""

    table: Literal["attendance"]
    session: Session
    fields: AttendanceFields

    @model_validator(mode="after")
    def _one_column(self) -> AttendanceMapping:
        if (self.fields.status.column is None) != bool(self.session.columns):
            raise ValueError(t("readers_more.mapping_status"))
        return self


class EventsMapping(Mapping):
    """A list of consultations, e.g. the report of a video platform."""

    table: Literal["events"]
    resource: Resource
    fields: EventFields
    traces: Annotated[
        Traces | None, BeforeValidator(lambda v: {"levels": v} if isinstance(v, list | str) else v)
    ] = None


class AttemptsMapping(Mapping):
    """A list of scores."""

    table: Literal["attempts"]
    assessment: Annotated[
        Assessment, BeforeValidator(lambda v: {"title": v} if isinstance(v, str) else v)
    ] = Assessment()
    fields: AttemptFields


class FeedbackMapping(Mapping):
    """Answers to a questionnaire, a line a respondent; without ``learner`` all are anonymous."""

    table: Literal["feedback"]
    learner: Learner | None = None
    fields: FeedbackFields


class ContactsMapping(Mapping):
    """A journal of contacts with learners: reminders, questions, tutoring."""

    table: Literal["contacts"]
    fields: ContactFields


class AdaptationsMapping(Mapping):
    """A journal of adaptations."""

    table: Literal["adaptations"]
    fields: AdaptationFields


_NOT_COLUMNS = {
    Read: "*", Traces: "*", When: ("format",), Resource: ("kind",), Assessment: ("value",),
    VerbWords: ("value", "map"), StatusWords: ("map", "missing"), Maximum: ("value",),
    Ratings: ("scale_max", "map", "missing"), KindWords: ("value", "map"), FeedbackFields: ("phase",),
}  # fmt: skip
_TOP = ("format", "locale", "timezone", "table")


def _columns(part: BaseModel, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    skipped = _TOP if isinstance(part, Mapping) else _NOT_COLUMNS.get(type(part), ("type", "missing"))
    if skipped == "*":
        return
    for name in type(part).model_fields:
        value = getattr(part, name)
        where = (*path, name)
        if isinstance(value, BaseModel):
            yield from _columns(value, where)
        elif name not in skipped and value:
            for column in (value,) if isinstance(value, str) else value:
                yield ".".join(where), column
