"""A synthetic programme as a study at once: the tables its exports would give, without files or a build.

Only what a diagnosis reads is made. That it is the same as by the long way is tested in
`test_diagnostics_planted.py`, for every problem.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from flipstats import schema
from flipstats.sample import actions as acts
from flipstats.sample.actions import FINISHED, NOT_GRADED, START, SUBMIT, VIEW
from flipstats.sample.meetings import _stays, _union, late_minutes, members
from flipstats.sample.moodle_reports import MAXIMUM, marks_of
from flipstats.sample.parameters import Parameters, checked
from flipstats.sample.planted import DAY, Planted, left_at, plant
from flipstats.sample.programme import MANDATORY, REMOTE_SESSION, SESSIONS, Course
from flipstats.sample.world import World, draw
from flipstats.study import Study
from flipstats.studyfile import parse_study_file

_ROLES = {"quiz": "pre_quiz", "start": "start", "positioning": "positioning", "summative": "summative"}
_MINUTE = 60


def planted_study(seed: int, problems: tuple[str, ...] | None, **more) -> tuple[World, Study]:
    """Return a drawn programme and its study."""
    world = draw(checked(Parameters(seed=seed, problems=problems, **more)))
    oddities = plant(world)
    did, attempts, watching = acts.act(world)
    tables = {
        **_people(world, oddities),
        **_programme(world),
        "events": _events(world, oddities, did, watching),
        "attempts": _attempts(world, oddities, attempts),
        "attendance": _attendance(world, oddities),
        **_sources(world),
    }
    content = {
        "programme": {"id": "secinc", "timezone": "Europe/Paris", "as_of": world.courses[-1].exported},
        "design": {"treated": "flipped", "control": "conventional", "completion_rule": "summative_passed"},
        "calendar": {"country": "FR"},
    }
    return world, Study(schema.validate(tables), parse_study_file(content, "planted_study"))


def _who(numbers) -> list[str]:
    return [f"L{i:04d}" for i in np.asarray(numbers).tolist()]


def _at(seconds) -> pl.Series:
    return pl.from_epoch(pl.Series(np.asarray(seconds, np.int64)), "s").cast(pl.Datetime("us", "UTC"))


def _people(world: World, oddities: Planted) -> dict[str, pl.DataFrame]:
    people, gone = world.learners, left_at(world)
    released = np.array([int(c.released.timestamp()) for c in world.courses])[world.iteration]
    place = np.concatenate([np.arange((world.iteration == i).sum()) for i in (0, 1)])
    unlinked = np.isin(np.arange(people.n), oddities.homonyms_unresolvable)
    own = pl.DataFrame(
        {
            "learner_id": _who(range(people.n)),
            "cohort_id": [world.groups.name[g] for g in people.group],
            "enrolled_at": _at(released - 3 * DAY + 20 * place),
            "withdrawn_at": _at(np.where(gone < 0, 0, gone)),
        }
    ).with_columns(withdrawn_at=pl.when(pl.Series((gone >= 0) & ~unlinked)).then("withdrawn_at"))
    twice, second = oddities.two_cohorts
    also = own[twice].with_columns(cohort_id=pl.lit(world.groups.name[second]))
    enrolments = pl.concat([own, also])
    # The French log gives no seconds.
    first = pl.col("cohort_id").str.starts_with("2023")
    floor = [pl.when(first).then(pl.col(c).dt.truncate("1m")).otherwise(c).alias(c)
             for c in ("enrolled_at", "withdrawn_at")]  # fmt: skip
    learners = pl.DataFrame(
        {"learner_id": _who(range(people.n)), "tracking": np.where(unlinked, "unlinked", "traced")}
    )
    return {"learners": learners, "enrolments": enrolments.with_columns(floor)}


def _programme(world: World) -> dict[str, pl.DataFrame]:
    groups = world.groups
    cohorts, sessions, plan, assessments = [], [], [], []
    for g, name in enumerate(groups.name):
        course = world.courses[groups.iteration[g]]
        arm = "flipped" if groups.flipped[g] else "conventional"
        cohorts.append(
            {"cohort_id": name, "title": f"{course.title}, groupe {groups.number[g] + 1}", "arm": arm,
             "iteration": int(groups.iteration[g]) + 1, "starts_at": course.released, "ends_at": course.ended}
        )  # fmt: skip
        for s in range(1, SESSIONS + 1):
            session = f"{name}-S{s:02d}"
            start, end = (dt.datetime.fromtimestamp(int(t[g, s - 1]), dt.UTC)
                          for t in (groups.starts, groups.ends))  # fmt: skip
            sessions.append(
                {"session_id": session, "cohort_id": name, "sequence": s, "title": f"Séance {s}",
                 "kind": "session", "starts_at": start, "ends_at": end}
            )  # fmt: skip
            for slot in (*MANDATORY, "page", "support"):
                if slot == "support" or groups.flipped[g]:
                    plan.append(
                        {"session_id": session, "resource_id": f"cm{course.activity(slot, s).cmid}",
                         "phase": "post" if slot == "support" else "pre", "released_at": course.released,
                         "mandatory": slot in MANDATORY}
                    )  # fmt: skip
            for slot in ("quiz", "start"):
                title = course.activity(slot, s).title.rsplit(" (", 1)[0]
                assessments.append(
                    {"assessment_id": f"{slot}-{s}@{name}", "session_id": session, "title": title,
                     "role": _ROLES[slot]}
                )  # fmt: skip
    assessments += [{"assessment_id": s, "session_id": None, "title": s, "role": s}
                    for s in ("positioning", "summative")]  # fmt: skip
    resources = [
        {"resource_id": f"cm{a.cmid}", "title": a.title, "length_min": a.minutes, "traced": True}
        for course in world.courses
        for a in course.activities
    ]
    frames = {"cohorts": cohorts, "sessions": sessions, "plan": plan, "assessments": assessments}
    made = {name: pl.DataFrame(rows) for name, rows in frames.items()}
    for name in ("cohorts", "plan"):
        times = [c for c in made[name].columns if c.endswith("_at")]
        made[name] = made[name].with_columns(pl.col(times).dt.convert_time_zone("UTC"))
    lengths = {"length_min": pl.Float64}
    return {**made, "resources": pl.DataFrame(resources, schema_overrides=lengths)}


def _events(world: World, oddities: Planted, did: acts.Actions, watching: acts.Watching) -> pl.DataFrame:
    parts = []
    for course in world.courses:
        mine = did.of(world.iteration[did.learner] == course.iteration)
        parts += [*_logged(course, mine), *_progress(course, mine), _site(world, course, mine, oddities)]
    kept = {"source_id": "video"}
    parts.append(
        pl.DataFrame(
            {"learner_id": _who(watching.learner), "resource_id": [f"cm{c}" for c in watching.cmid],
             "at": _at(watching.at), "verb": "viewed", "seconds": watching.seconds.astype(float),
             "progress": watching.percent / 100}
        ).with_columns(**{k: pl.lit(v) for k, v in kept.items()})
    )  # fmt: skip
    return pl.concat(parts, how="diagonal_relaxed")


def _logged(course: Course, mine: acts.Actions) -> list[pl.DataFrame]:
    """The course log; that of the first year gives no seconds."""
    parts, coarse = [], course.language == "fr"
    for what, verb in ((VIEW, "viewed"), (START, "started"), (SUBMIT, "submitted")):
        here = mine.of(mine.what == what)
        at = here.at // _MINUTE * _MINUTE if coarse else here.at
        parts.append(
            pl.DataFrame({"learner_id": _who(here.learner), "resource_id": [f"cm{c}" for c in here.cmid],
                          "at": _at(at)}).with_columns(verb=pl.lit(verb), source_id=pl.lit(f"log{course.id}"))
        )  # fmt: skip
    seen = mine.of((mine.what == acts.COURSE) & (mine.cmid == 0))
    at = seen.at // _MINUTE * _MINUTE if coarse else seen.at
    parts.append(
        pl.DataFrame({"learner_id": _who(seen.learner), "at": _at(at)}).with_columns(
            verb=pl.lit("course_viewed"), source_id=pl.lit(f"log{course.id}")
        )
    )
    return parts


def _progress(course: Course, mine: acts.Actions) -> list[pl.DataFrame]:
    slots = {a.cmid: a.slot for a in course.activities}
    done = acts.completed_at(course.activities, mine)
    rows = [
        {"learner_id": f"L{i:04d}", "resource_id": f"cm{cmid}",
         "verb": "completed" if slots[cmid] == "quiz" else "viewed", "at": at, "source_id": "progress"}
        for (i, cmid), at in done.items()
        if slots[cmid] in {"video_a", "video_b", "page", "support", "quiz"}
    ]  # fmt: skip
    frame = pl.DataFrame(rows)
    return [frame.with_columns(at=_at(frame["at"].to_numpy()))]


def _site(world: World, course: Course, mine: acts.Actions, oddities: Planted) -> pl.DataFrame:
    """Logins, and those that failed, where the site kept its log for all of the programme."""
    from flipstats.sample.planted import new_log, site_rows

    log = new_log(world, course.language)
    site_rows(log, world, course, mine, oddities)
    coarse = course.language == "fr"
    accounts = {p.username: i for i, p in enumerate(world.learners.people)}
    rows = []
    for at, who, template, *_ in log.parts:
        for k in range(len(at)):
            _, _, event, text, *_ = log.templates[int(template[k])]
            failed = log.word("login_failed") in event
            tried = accounts.get(text.split("'")[1]) if failed else int(who[k])
            moment = int(at[k]) // _MINUTE * _MINUTE if coarse else int(at[k])
            rows.append((None if tried is None else f"L{tried:04d}", moment,
                         "login_failed" if failed else "logged_in"))  # fmt: skip
    frame = pl.DataFrame(rows, schema=["learner_id", "at", "verb"], orient="row")
    if not world.parameters.well:  # no export bridges account names
        own = pl.when(pl.col("verb") != "login_failed").then("learner_id")
        frame = frame.with_columns(learner_id=own)
    return frame.with_columns(at=_at(frame["at"].to_numpy()), source_id=pl.lit(f"site{course.id}"))


def _attempts(world: World, oddities: Planted, attempts: acts.Attempts) -> pl.DataFrame:
    rows = []
    people, groups = world.learners, world.groups
    for course in world.courses:
        for activity in course.activities:
            if activity.slot not in MAXIMUM:
                continue
            rng = np.random.default_rng([world.parameters.seed, 60, activity.cmid])
            for k in np.flatnonzero(attempts.cmid == activity.cmid).tolist():
                i, state = int(attempts.learner[k]), int(attempts.state[k])
                if attempts.submitted[k] < 0 or state != FINISHED:
                    if state == NOT_GRADED or activity.slot not in ("quiz", "start"):
                        continue
                    continue
                _, *marks = marks_of(activity, world.parameters, float(attempts.points[k]), rng)
                if activity.slot not in ("quiz", "start"):
                    continue
                each = MAXIMUM[activity.slot] / len(marks)
                name = f"{activity.slot}-{activity.session}@{groups.name[people.group[i]]}"
                rows += [
                    (f"L{i:04d}", name, str(item), mark / each, int(attempts.submitted[k]))
                    for item, mark in enumerate(marks, 1)
                ]
    frame = pl.DataFrame(rows, schema=["learner_id", "assessment_id", "item_id", "score", "submitted_at"],
                         orient="row")  # fmt: skip
    return frame.with_columns(attempt=pl.lit(1), submitted_at=_at(frame["submitted_at"].to_numpy()))


def _attendance(world: World, oddities: Planted) -> pl.DataFrame:
    late, gone, rows = late_minutes(world), left_at(world), []
    for group, name in enumerate(world.groups.name):
        rows += _in_meeting(world, oddities, late, group)
        for session in range(1, SESSIONS + 1):
            start, end = (int(t[group, session - 1]) for t in (world.groups.starts, world.groups.ends))
            if session == REMOTE_SESSION or (group, session) in oddities.missing_sheets:
                continue
            for i in members(world, group, oddities):
                here = bool(world.learners.present[i, session - 1])
                if 0 <= gone[i] <= start:
                    continue
                delay = int(late[i, session - 1])
                status = ("late" if delay else "present") if here else (
                    "excused" if (i, session) in oddities.excused else "absent")  # fmt: skip
                minutes = 60 * round(
                    ((end - start) // 60 - delay if here else 0) / 60, 2
                )  # hours on the sheet
                rows.append((f"L{i:04d}", f"{name}-S{session:02d}", status, minutes))
    return pl.DataFrame(rows, schema=["learner_id", "session_id", "status", "minutes"], orient="row")


def _in_meeting(world: World, oddities: Planted, late: np.ndarray, group: int) -> list[tuple]:
    """The report of the remote session: minutes in the meeting, within the planned ones; nobody is absent."""
    rng, s = np.random.default_rng([world.parameters.seed, 71, group]), REMOTE_SESSION - 1
    start, end = int(world.groups.starts[group, s]), int(world.groups.ends[group, s])
    rows = []
    for i in members(world, group, oddities):
        if not world.learners.present[i, s]:
            continue
        person = world.learners.people[i]
        stays = [(a, b) for _, a, b in _stays(person, start, end, int(late[i, s]), rng)]
        session = f"{world.groups.name[group]}-S{REMOTE_SESSION:02d}"
        rows.append((f"L{i:04d}", session, "present", _union(stays) / 60))
    return rows


def _sources(world: World) -> dict[str, pl.DataFrame]:
    from flipstats.sample.planted import site_log_until

    sources, coverage = [], []
    for course in world.courses:
        until = {"covers_to": course.exported}
        sources += [
            {"source_id": f"log{course.id}", "format": "moodle_log", **until},
            {"source_id": f"site{course.id}", "format": "moodle_log",
             "covers_to": site_log_until(world, course)},
        ]  # fmt: skip
        here = np.flatnonzero(world.groups.iteration == course.iteration)
        since = course.released - dt.timedelta(days=7)
        slots = {f"cm{a.cmid}": a.slot for a in course.activities if a.session and a.slot != "start"}
        films = [f"cm{a.cmid}" for of in world.courses for a in of.activities if a.minutes]
        for g in here.tolist():
            row = {"cohort_id": world.groups.name[g], "basis": "declared", **until}
            coverage.append({**row, "source_id": f"log{course.id}", "level": "opened"})
            for cmid, slot in slots.items():
                levels = ("substantial", "completed") if slot == "quiz" else ("opened",)
                coverage += [{**row, "source_id": "progress", "resource_id": cmid, "level": level}
                             for level in levels]  # fmt: skip
            if world.groups.flipped[g]:
                coverage += [
                    {**row, "source_id": "video", "resource_id": cmid, "level": level, "covers_from": since}
                    for cmid in films
                    for level in schema.LEVELS
                ]
    sources += [{"source_id": s, "format": "sheet", "covers_to": world.courses[-1].exported}
                for s in ("progress", "video")]  # fmt: skip
    counts = {f"rows_{c}": 0 for c in ("read", "kept", "merged", "set_aside")}
    frames = {
        "sources": pl.DataFrame([{"file": s["source_id"], "sha256": "0", **counts, **s} for s in sources]),
        "coverage": pl.DataFrame(
            [{"resource_id": None, "covers_from": None, **row} for row in coverage], infer_schema_length=None
        ),
    }
    return {
        name: frame.with_columns(
            pl.col([c for c in frame.columns if c.startswith("covers_")]).dt.convert_time_zone("UTC")
        )
        for name, frame in frames.items()
    }
