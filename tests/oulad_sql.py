"""Opened consultation of a presentation, in SQL, straight from the raw files and from nothing of flipstats.

Written from the rules alone, in days: a click on day d falls at noon, a session of due day D at the midnight
that begins day D + 1, a release or an enrolment on day d at the midnight that begins it. So a click is in the
window exactly when opens <= d <= D, and days compare as the instants do.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import duckdb

_QUERY = """
WITH course AS (
    SELECT module_presentation_length AS length FROM courses
    WHERE code_module = $module AND code_presentation = $presentation
),
due AS (
    SELECT DISTINCT CAST(date AS INTEGER) AS d FROM assessments
    WHERE code_module = $module AND code_presentation = $presentation
      AND assessment_type IN ('TMA', 'CMA') AND date IS NOT NULL
),
site AS (
    SELECT id_site, opens, (SELECT min(d) FROM due WHERE d >= opens) AS d
    FROM (
        SELECT id_site, 7 * (CAST(week_from AS INTEGER) - 1) AS opens FROM vle
        WHERE code_module = $module AND code_presentation = $presentation AND week_from IS NOT NULL
    )
),
learner AS (
    SELECT id_student, date_registration AS arrives, date_unregistration AS leaves
    FROM info LEFT JOIN registration USING (code_module, code_presentation, id_student)
    WHERE code_module = $module AND code_presentation = $presentation
),
click AS (
    SELECT DISTINCT id_student, id_site, date FROM clicks
    WHERE code_module = $module AND code_presentation = $presentation
),
known_until AS (
    SELECT max(date) + CAST(max(date) >= (SELECT length FROM course) AS INTEGER) AS midnight FROM click
),
pair AS (
    SELECT due.d, learner.id_student, site.id_site,
           greatest(site.opens, coalesce(learner.arrives, site.opens)) AS opens,
           coalesce(due.d + 1 <= (SELECT midnight FROM known_until), false) AS known
    FROM due
    JOIN site ON site.d = due.d
    JOIN learner ON coalesce(learner.arrives <= due.d + 1, true)
                AND coalesce(learner.leaves > due.d + 1, true)
),
opened AS (
    SELECT DISTINCT pair.d, pair.id_student, pair.id_site FROM pair JOIN click
    ON click.id_student = pair.id_student AND click.id_site = pair.id_site
       AND click.date BETWEEN pair.opens AND pair.d
)
SELECT due.d,
       count(*) FILTER (WHERE pair.known AND opened.id_site IS NOT NULL),
       count(*) FILTER (WHERE pair.known),
       count(*) FILTER (WHERE NOT pair.known)
FROM due
LEFT JOIN pair ON pair.d = due.d
LEFT JOIN opened ON opened.d = pair.d
    AND opened.id_student = pair.id_student AND opened.id_site = pair.id_site
GROUP BY due.d ORDER BY due.d
"""
_VIEWS = {
    "courses": "courses",
    "assessments": "assessments",
    "vle": "vle",
    "info": "studentInfo",
    "registration": "studentRegistration",
}


class Opened(NamedTuple):
    """One session: pairs (learner, mandatory site) opened, known and unknown."""

    due_day: int
    numerator: int
    denominator: int
    unknown: int


def opened_by_session(folder: Path, cohort: str) -> list[Opened]:
    """Count opened (learner, mandatory site) pairs for each due day of `cohort`, e.g. ``"BBB-2013J"``."""
    module, presentation = cohort.split("-")
    with duckdb.connect() as base:
        for view, name in _VIEWS.items():
            base.sql(
                f"CREATE VIEW {view} AS SELECT * FROM read_csv('{folder / name}.csv', nullstr = ['', '?'])"
            )
        clicks = sorted(folder.glob("studentVle*"))[0]
        reader = "read_parquet" if clicks.suffix == ".parquet" else "read_csv"
        base.sql(f"CREATE VIEW clicks AS SELECT * FROM {reader}('{clicks}')")
        rows = base.execute(_QUERY, {"module": module, "presentation": presentation}).fetchall()
    return [Opened(*row) for row in rows]
