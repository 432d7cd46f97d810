"""The rule by which minutes are credited: an organisation's decision, written down, versioned, signed off."""

from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path
from typing import Literal

import holidays
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from flipstats.errors import ParameterError, StudyFileError
from flipstats.i18n import t

PROOFS = ("pre_quiz", "start", "summative", "delayed", "deliverable")


class Rule(BaseModel):
    """How minutes are measured and credited; every value is written into every ledger.

    Attributes
    ----------
    version : str
        The organisation's own; raised with every change.
    idle_gap_min : float
        Minutes; a click counts until the learner's next one that day, and no longer than this.
    last_click_min : float
        Minutes credited to the last click of a day, after which nothing is known.
    credit : {"measured", "announced_if_proved"}
        What is credited: what was measured, up to what was announced; or what was announced, where a test was
        passed or a deliverable validated, and the organisation has signed this rule off.
    pass_mark : float
        Share of the maximum from which on a test is passed.
    proofs : tuple of str
        Which assessments prove an activity.
    credited_days : {"all", "working"}
        ``working``: nothing is credited on weekends and public holidays of `country`.
    country, subdivision : str or None
        Whose public holidays: ``FR``, and ``FR`` with ``57`` for Moselle.
    working_days : tuple of int
        Monday is 1.
    signed_off_by, signed_off_on
        Who decided on this rule, and when.
    assistance, information : str
        What learners are told of technical and pedagogical help, and how they were told of activities and
        durations: shown to the auditor.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str = "1"
    idle_gap_min: float = Field(default=10, ge=0, le=60)
    last_click_min: float = Field(default=0, ge=0, le=60)
    credit: Literal["measured", "announced_if_proved"] = "measured"
    pass_mark: float = Field(default=0.5, ge=0, le=1)
    proofs: tuple[Literal[PROOFS], ...] = ("pre_quiz", "deliverable")
    credited_days: Literal["all", "working"] = "all"
    country: str | None = None
    subdivision: str | None = None
    working_days: tuple[int, ...] = (1, 2, 3, 4, 5)
    signed_off_by: str = ""
    signed_off_on: dt.date | None = None
    assistance: str = ""
    information: str = ""

    @model_validator(mode="after")
    def _decided(self) -> Rule:
        if self.credit == "announced_if_proved" and not (self.signed_off_by and self.signed_off_on):
            raise ValueError(t("ledger.not_signed_off"))
        if self.credited_days == "working" and self.country is None:
            raise ValueError(t("ledger.no_country"))
        return self

    def off_days(self, first: dt.date, last: dt.date) -> list[dt.date]:
        """Return the days between two days, both included, on which nothing is credited.

        Raises
        ------
        ParameterError
            The country or subdivision is not known.

        Examples
        --------
        >>> rule = Rule(credited_days="working", country="FR")
        >>> [str(day) for day in rule.off_days(dt.date(2024, 4, 29), dt.date(2024, 5, 4))]
        ['2024-05-01', '2024-05-04']
        """
        if self.credited_days == "all":
            return []
        try:
            free = holidays.country_holidays(
                self.country, subdiv=self.subdivision, years=range(first.year, last.year + 1)
            )
        except NotImplementedError:
            where = " ".join(filter(None, [self.country, self.subdivision]))
            raise ParameterError(t("ledger.unknown_country", country=where)) from None
        days = (first + dt.timedelta(days=n) for n in range((last - first).days + 1))
        return [day for day in days if day.isoweekday() not in self.working_days or day in free]


def read_rule(path: Path | None, country: str | None = None) -> Rule:
    """Read a rule from a TOML file; without one, the default: what was measured, up to what was announced.

    Parameters
    ----------
    country : str, optional
        Of the study's calendar, where the rule names none.

    Raises
    ------
    StudyFileError
        The file is absent, no TOML, or has an unknown key or a wrong value.
    """
    if path is None:
        return Rule(country=country)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise StudyFileError(t("ledger.rule_unreadable", file=path, problem=error)) from error
    try:
        return Rule.model_validate({"country": country, **content})
    except ValidationError as error:
        found = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'rule'}: {problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors()
        )
        raise StudyFileError(t("ledger.rule_wrong", file=path, problem=found)) from error
