"""The study file, `study.toml`: what a person declares about a programme and its evaluation."""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from flipstats.conventions import DEFAULTS, Thresholds
from flipstats.errors import StudyFileError, did_you_mean
from flipstats.i18n import has, t

ASSIGNMENTS = ("random_individual", "random_cluster", "nonrandom", "historical", "none")
COMPLETION_RULES = ("recorded", "summative_passed", "summative_taken")


@cache
def _zones() -> frozenset[str]:
    """Return the zones this machine knows: six hundred files are looked at, once."""
    return frozenset(available_timezones())


def known_zone(zone: str) -> str:
    """Return the zone, or raise with the nearest name."""
    if zone not in _zones():
        near = did_you_mean(zone, _zones())
        raise ValueError(t("studyfile.unknown_zone", zone=zone, near=near or "Europe/Paris"))
    return zone


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Programme(_Section):
    """What is evaluated, and in which zone and language."""

    id: str = "programme"
    title: str = ""
    timezone: str = "UTC"
    language: Literal["en", "fr"] = "en"
    as_of: dt.datetime | dt.date | None = None

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        return known_zone(zone)

    @property
    def zone(self) -> ZoneInfo:
        """The programme's time zone."""
        return ZoneInfo(self.timezone)


class Design(_Section):
    """Who is compared with whom, on what, and how groups were assigned."""

    assignment: Literal[ASSIGNMENTS] = "none"
    treated: str | None = None
    control: str | None = None
    cluster: str = "cohort_id"
    primary: str = "summative"
    secondary: tuple[str, ...] = ()
    adjust: tuple[str, ...] = ()
    moderators: tuple[str, ...] = ()
    completion_rule: Literal[COMPLETION_RULES] = "recorded"


class CohortEntry(_Section):
    """One cohort declared in the study file instead of `cohorts.csv`."""

    cohort_id: str
    title: str | None = None
    moodle_group: str | None = None
    arm: str | None = None
    iteration: int | None = None
    trainer_id: str | None = None
    site: str | None = None
    starts_at: dt.datetime | dt.date | None = None
    ends_at: dt.datetime | dt.date | None = None


class Source(_Section):
    """One export, or several with one glob."""

    file: str
    format: str = "auto"
    timezone: str | None = None
    cohort: str | None = None
    mapping: str | None = None
    date_order: Literal["day_first", "month_first"] | None = None
    day: dt.date | None = None
    covers_from: dt.datetime | dt.date | None = None
    covers_to: dt.datetime | dt.date | None = None
    covers_levels: tuple[Literal["opened", "substantial", "completed"], ...] = ()


class Calendar(_Section):
    """Working time, for what asks whether learning happened outside it.

    `country` is an ISO code, with a subdivision where holidays differ ("FR", "FR-57"); without it no holiday
    is known, and neither is the calendar. Days are counted from Monday, 1. Hours that end before they begin
    go past midnight. `timezone` is the programme's where it is not said.
    """

    country: str | None = Field(default=None, pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")
    timezone: str | None = None
    working_days: tuple[int, ...] = (1, 2, 3, 4, 5)
    working_hours: tuple[str, str] = ("09:00", "18:00")

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        return zone if zone is None else known_zone(zone)

    @field_validator("working_days")
    @classmethod
    def _known_days(cls, days: tuple[int, ...]) -> tuple[int, ...]:
        if not set(days) <= set(range(1, 8)):
            raise ValueError(t("studyfile.working_days"))
        return days

    @field_validator("working_hours")
    @classmethod
    def _known_hours(cls, hours: tuple[str, str]) -> tuple[str, str]:
        if not all(re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", hour) for hour in hours):
            raise ValueError(t("studyfile.working_hours"))
        return hours


class NamedCalendar(Calendar):
    """The working time of the learners whose ``calendar`` has this name."""

    name: str


class Privacy(_Section):
    """Small cells, identities and staff."""

    smallest_cell: int = Field(default=5, ge=1)
    keep_identities: bool = False
    staff: tuple[str, ...] = ()


class StudyFile(_Section):
    """The whole study file, checked."""

    programme: Programme = Programme()
    design: Design = Design()
    cohorts: tuple[CohortEntry, ...] = ()
    thresholds: dict[str, float | int] = Field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    calendar: Calendar = Calendar()
    calendars: tuple[NamedCalendar, ...] = ()
    privacy: Privacy = Privacy()

    @field_validator("thresholds")
    @classmethod
    def _known_thresholds(cls, given: dict[str, float | int]) -> dict[str, float | int]:
        known = {f.name: f for f in fields(Thresholds)}
        for name, value in given.items():
            if name not in known:
                near = did_you_mean(name, known)
                raise ValueError(t("studyfile.unknown_threshold", name=name, near=near or ", ".join(known)))
            if value < 0:
                raise ValueError(t("studyfile.negative_threshold", name=name, value=value))
        return given

    def all_thresholds(self) -> Thresholds:
        """Return the defaults with this study's own values put in."""
        return replace(DEFAULTS, **self.thresholds, smallest_cell=self.privacy.smallest_cell)

    def public(self) -> StudyFile:
        """Return the study file without what names people: what a saved study may hold."""
        return self.model_copy(update={"privacy": self.privacy.model_copy(update={"staff": ()})})


def read_study_file(path: Path) -> StudyFile:
    """Read and check a study file.

    Raises
    ------
    StudyFileError
        The file is absent, is not TOML, has an unknown key (with a suggestion) or a wrong value.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise StudyFileError(t("studyfile.absent", file=path)) from None
    except (UnicodeDecodeError, IsADirectoryError) as error:
        raise StudyFileError(t("studyfile.not_text", file=path.name)) from error
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StudyFileError(t("studyfile.not_toml", file=path.name, problem=error)) from error
    except ValueError as error:  # Python makes no number of so many digits
        raise StudyFileError(t("studyfile.number_too_long", file=path.name)) from error
    return parse_study_file(content, path.name)


def parse_study_file(content: dict, name: str = "study.toml") -> StudyFile:
    """Check the content of a study file; see `read_study_file`."""
    try:
        return StudyFile.model_validate(content)
    except ValidationError as error:
        raise StudyFileError("\n".join(_explain(name, problem) for problem in error.errors())) from error


def _explain(file: str, problem: dict) -> str:
    where = ".".join(str(part + 1 if isinstance(part, int) else part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        known = _siblings(problem["loc"][:-1])
        near = did_you_mean(str(problem["loc"][-1]), known)
        hint = t("studyfile.suggest", near=near) if near else t("studyfile.allowed", known=", ".join(known))
        return t("studyfile.unknown_key", file=file, where=where, hint=hint)
    key = "studyfile.problem_" + problem["type"]
    text = t(key, **problem.get("ctx", {})) if has(key) else re.sub("^Value error, ", "", problem["msg"])
    return t("studyfile.wrong_value", file=file, where=where, problem=text, found=repr(problem["input"]))


def _siblings(path: tuple) -> list[str]:
    model: type[BaseModel] = StudyFile
    lists = {"cohorts": CohortEntry, "sources": Source, "calendars": NamedCalendar}
    for part in path:
        if isinstance(part, str):
            model = lists.get(part) or model.model_fields[part].annotation
    return list(model.model_fields)
