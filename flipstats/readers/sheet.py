"""Sheets read by a mapping: attendance sheets, lists of scores, reports of video platforms."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from flipstats import schema
from flipstats.errors import InputError
from flipstats.i18n import t
from flipstats.readers import sheet_grid
from flipstats.readers import sheet_journals as journals
from flipstats.readers.base import Context, Reading, people
from flipstats.readers.mapping import read_mapping
from flipstats.readers.mapping_model import (
    AdaptationsMapping,
    AttemptsMapping,
    AttendanceMapping,
    ContactsMapping,
    EventsMapping,
    FeedbackMapping,
)
from flipstats.readers.sheet_cells import Sheet, meaning, open_sheet, status_of
from flipstats.readers.signatures import total_words
from flipstats.readers.text import normal

FORMAT = "sheet"


def read(file: Path, context: Context) -> Reading:
    """Read a sheet as ``context.mapping`` says.

    Returns
    -------
    Reading
        ``attendance`` and ``meetings``; or ``events`` and ``resources``, with ``levels`` and ``kinds`` where
        the mapping says what the source traces; or ``attempts``, ``feedback``, ``contacts``, ``adaptations``.

    Raises
    ------
    InputError
        There is no mapping, it is wrong, or the file lacks a column it names.
    """
    if context.mapping is None:
        raise InputError(t("readers_more.sheet_no_mapping", file=file.name))
    mapping = read_mapping(context.mapping)
    sheet = open_sheet(file, mapping, context)
    person, identities = sheet.persons()
    rest = pl.struct(pl.exclude("record"))
    sheet.fate.aside(~sheet.frame.select(rest.is_first_distinct()).to_series(), "duplicate_record", "merged")
    totals = person.is_in([f"name:{word}" for word in total_words()])
    sheet.fate.aside(totals, "average_row")
    if not isinstance(mapping, FeedbackMapping):  # an answer without a name is one
        sheet.fate.aside(person.is_null(), "no_person")
    tables = _tables(sheet, person)
    sheet.fate.close(sheet.account)
    traces = getattr(mapping, "traces", None)
    return Reading(
        format=FORMAT,
        tables={name: frame for name, frame in tables.items() if frame.height},
        account=sheet.account,
        people=people(row for row in identities if row[0] not in set(person.filter(totals))),
        language=mapping.language,
        timezone=mapping.timezone or context.timezone,
        warnings=sheet.warnings,
        levels=traces.levels if traces else (),
        kinds=_kinds(mapping) if traces else (),
    )


def _tables(sheet: Sheet, person: pl.Series) -> dict[str, pl.DataFrame]:
    match sheet.mapping:
        case AttendanceMapping():
            return _attendance(sheet, sheet.mapping, person)
        case EventsMapping():
            return _events(sheet, sheet.mapping, person)
        case AttemptsMapping():
            return _attempts(sheet, sheet.mapping, person)
        case FeedbackMapping():
            return journals.feedback(sheet, sheet.mapping, person)
        case ContactsMapping():
            return journals.contacts(sheet, sheet.mapping, person)
        case AdaptationsMapping():
            return journals.adaptations(sheet, sheet.mapping, person)
    return {}


def _kinds(mapping: EventsMapping) -> tuple[str, ...]:
    own = (mapping.resource.kind,) if mapping.resource.kind else ()
    return (mapping.traces.kinds if mapping.traces else ()) or own


# ----------------------------------------------------------------------------------------------- attendance


def _attendance(sheet: Sheet, mapping: AttendanceMapping, person: pl.Series) -> dict[str, pl.DataFrame]:
    if mapping.session.columns:
        return sheet_grid.attendance(sheet, mapping, person)
    fields, fate = mapping.fields, sheet.fate
    starts, ends, meeting, whole_day = _meetings(sheet, mapping)
    status = _status(sheet, mapping)
    late = None
    if fields.late_minutes:
        column = fields.late_minutes
        late = sheet.number(column.column, column.missing, whole=column.type == "int")
        fate.note(late < 0, "cell_left_out")
        late = late.set(late < 0, None)
        came_late = (late > 0) & (status == "present")
        status = status.scatter(came_late.fill_null(False).arg_true(), "late")
    minutes = _minutes(sheet, mapping)
    signed = sheet.optional_moments(fields.signed_at)
    proof = (
        signed.is_not_null()
        .to_frame("s")
        .select(pl.when("s").then(pl.lit("signature")).otherwise(pl.lit("import")))
    )
    nothing = pl.Series([None], dtype=pl.Float64).new_from_index(0, len(person))
    rows = sheet.kept(
        {
            "person": person,
            "meeting": meeting,
            "status": status,
            "minutes": nothing if minutes is None else minutes,
            "late_minutes": nothing if late is None else late,
            "signed_at": signed,
            "proof": proof.to_series(),
        },
    )
    title = sheet.text(mapping.session.title) if mapping.session.title else person.clear(len(person))
    told = sheet.kept({"meeting": meeting, "title": title, "starts_at": starts, "ends_at": ends})
    meetings = told.group_by("meeting", maintain_order=True).agg(
        pl.col("title", "starts_at", "ends_at").drop_nulls().first(), pl.col("record").first()
    )
    if whole_day:
        meetings = meetings.with_columns(ends_at=pl.col("starts_at") + pl.duration(days=1), whole_day=True)
    return {"attendance": rows, "meetings": meetings}


def _minutes(sheet: Sheet, mapping: AttendanceMapping) -> pl.Series | None:
    fields = mapping.fields
    if told := fields.minutes:
        unit = 60.0 if told.type != "duration" else 1.0
        return sheet.length(told.column, told.type, told.missing, unit) / 60
    if hours := fields.hours_done:
        return sheet.length(hours.column, hours.type, hours.missing, 3600.0) / 60
    return None


def _status(sheet: Sheet, mapping: AttendanceMapping) -> pl.Series:
    field = mapping.fields.status
    cells = sheet.text(field.column, field.missing)
    status = status_of(cells, field.map)
    sheet.fate.aside(status.is_null() & cells.is_null(), "no_status")
    sheet.fate.aside(status.is_null(), "value_not_mapped")
    return status


def _meetings(sheet: Sheet, mapping: AttendanceMapping) -> tuple[pl.Series, pl.Series, pl.Series, bool]:
    """Return each record's session times and key, and whether only its day is known.

    What has no session is set aside.
    """
    session, fate, whole_day = mapping.session, sheet.fate, False
    starts, ends = sheet.optional_moments(None), sheet.optional_moments(session.end)
    if session.start is not None:
        found = sheet.moments(session.start)
        fate.aside(found.missing, "no_such_time")
        fate.aside(found.values.is_null(), "no_time")
        fate.note(found.assumed, "repeated_hour")
        starts = found.values
        whole_day = not found.has_clock and session.end is None
    fate.aside(ends < starts, "ends_before_start")
    if not session.key:
        return starts, ends, starts.dt.strftime("%Y-%m-%dT%H:%M:%SZ"), whole_day
    parts = pl.DataFrame({str(i): sheet.text(column) for i, column in enumerate(session.key)})
    meeting = parts.select(pl.concat_str(pl.all(), separator=" | ")).to_series()
    fate.aside(meeting.is_null(), "no_session")
    same = pl.DataFrame({"m": meeting, "s": starts, "k": fate.kept})
    first = pl.col("s").filter(pl.col("k")).first().over("m")
    fate.note(same.select(pl.col("s") != first).to_series(), "session_times_differ")
    return starts, ends, meeting, whole_day


# --------------------------------------------------------------------------------------------------- events


def _events(sheet: Sheet, mapping: EventsMapping, person: pl.Series) -> dict[str, pl.DataFrame]:
    fields, fate = mapping.fields, sheet.fate
    resource, title, cmid = _resource(sheet, mapping)
    fate.aside(resource.is_null(), "no_resource")
    nothing = pl.Series([None], dtype=pl.Float64).new_from_index(0, len(person))
    progress = seconds = nothing
    if fields.progress:
        progress = sheet.number(fields.progress.column, fields.progress.missing)
        progress = progress / 100 if fields.progress.type == "percent" else progress
        fate.note(progress > 1, "progress_capped")
        fate.note(progress < 0, "cell_left_out")
        progress = progress.set(progress < 0, None).clip(upper_bound=1)
    if span := fields.seconds:
        unit = 60.0 if span.type == "minutes" else 1.0
        seconds = sheet.length(span.column, span.type, span.missing, unit)
    at = sheet.moments(fields.at)
    fate.aside(at.blank & (progress.fill_null(0) == 0) & (seconds.fill_null(0) == 0), "not_opened")
    fate.aside(at.missing, "no_such_time")
    fate.aside(at.values.is_null(), "no_time")
    fate.note(at.assumed, "repeated_hour")
    events = sheet.kept(
        {
            "person": person,
            "resource": resource,
            "at": at.values,
            "verb": _verbs(sheet, mapping),
            "seconds": seconds,
            "progress": progress,
        },
    )
    named = sheet.kept({"resource": resource, "title": title, "cmid": cmid})
    kind = pl.lit(mapping.resource.kind, pl.String).alias("kind")
    resources = named.unique("resource", keep="first", maintain_order=True).with_columns(kind)
    return {"events": events, "resources": resources}


def _resource(sheet: Sheet, mapping: EventsMapping) -> tuple[pl.Series, pl.Series, pl.Series]:
    nothing = pl.Series([None], dtype=pl.String).new_from_index(0, sheet.frame.height)
    named = mapping.resource
    title = sheet.text(named.title) if named.title else nothing
    cmid = sheet.text(named.cmid) if named.cmid else nothing
    keys = {text: "title:" + normal(text) for text in title.drop_nulls().unique()}
    by_title = title.replace_strict(keys, default=None, return_dtype=pl.String)
    frame = pl.DataFrame({"cmid": cmid, "title": by_title})
    return frame.select(pl.coalesce("cm:" + pl.col("cmid"), "title")).to_series(), title, cmid


def _verbs(sheet: Sheet, mapping: EventsMapping) -> pl.Series:
    verb = mapping.fields.verb
    if verb.column is None:
        return pl.Series([verb.value], dtype=pl.String).new_from_index(0, sheet.frame.height)
    pairs = verb.map or {word: word for word in schema.VERBS}
    cells = sheet.text(verb.column)
    verbs = meaning(cells, pairs)
    sheet.fate.aside(verbs.is_null() & cells.is_not_null(), "value_not_mapped")
    return verbs.fill_null(verb.value)


# ------------------------------------------------------------------------------------------------- attempts


def _attempts(sheet: Sheet, mapping: AttemptsMapping, person: pl.Series) -> dict[str, pl.DataFrame]:
    fields, fate, size = mapping.fields, sheet.fate, len(person)
    name = pl.Series([mapping.assessment.value or sheet.file.stem], dtype=pl.String).new_from_index(0, size)
    if mapping.assessment.title:
        name = sheet.text(mapping.assessment.title)
        fate.aside(name.is_null(), "no_assessment")
    started, submitted = (sheet.optional_moments(w) for w in (fields.started_at, fields.submitted_at))
    raw, share, maximum, readable = _scores(sheet, mapping)
    fate.aside(~readable, "cell_unreadable")
    frame = sheet.kept(

        {
            "person": person, "assessment": name, "score": share, "raw_score": raw, "maximum": maximum,
            "started_at": started, "submitted_at": submitted,
        },
    )  # fmt: skip
    if fields.attempt:
        given = sheet.number(fields.attempt.column, fields.attempt.missing, whole=True)
        number = given.filter(fate.kept).cast(pl.Int64)
        frame = frame.with_columns(number.set(number < 1, None).alias("attempt"))
    else:
        # Attempts of a learner are numbered by their time, else in the order of the file.
        order = pl.struct(
            pl.coalesce("started_at", "submitted_at").fill_null(pl.datetime(2200, 1, 1, time_zone="UTC")),
            "record",
        )
        rank = order.rank("ordinal").over("person", "assessment").cast(pl.Int64)
        frame = frame.with_columns(rank.alias("attempt"))
    reason = (
        pl.when(pl.col("raw_score").is_not_null() | pl.col("score").is_not_null())
        .then(None)
        .when(pl.coalesce("started_at", "submitted_at").is_null())
        .then(pl.lit("no_attempt"))
        .otherwise(pl.lit("not_graded"))
    )
    return {"attempts": frame.with_columns(missing_reason=reason)}


def _scores(sheet: Sheet, mapping: AttemptsMapping) -> tuple[pl.Series, pl.Series, pl.Series, pl.Series]:
    """Return points, share of the maximum, maximum, and whether the cell could be read."""
    field, top = mapping.fields.score, mapping.fields.max
    cells = sheet.text(field.column, field.missing)
    values = sheet.number(field.column, field.missing, whole=field.type == "int")
    nothing = pl.Series([None], dtype=pl.Float64).new_from_index(0, len(values))
    readable = values.is_not_null() | cells.is_null()
    if field.type in ("percent", "share"):
        raw, maximum, share = nothing, nothing, values / (100 if field.type == "percent" else 1)
    else:
        raw, maximum = values, nothing
        if top and top.column:
            maximum = sheet.number(top.column)
        elif top and top.value:
            maximum = nothing.fill_null(top.value)
        maximum = maximum.set(maximum <= 0, None)
        share = raw / maximum
    outside = ~share.is_between(0, 1)
    sheet.fate.note(outside, "score_out_of_range")
    return raw, share.set(outside.fill_null(False), None), maximum, readable
