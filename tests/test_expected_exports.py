"""Every entry of the reference exports, through ``flipstats read --json`` and the tables behind it.

Each entry names what one file must give. A name that no check here knows fails, so that none is passed over.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import polars as pl
import pytest
from moodle_exports import SHARED, shared
from test_cli import run  # noqa: F401

from flipstats.build.people import who_is_who
from flipstats.readers import Context, Reading, read
from flipstats.readers.bigbluebutton_json import FORMAT as BBB
from flipstats.readers.first_mapping import write_first_mapping

# No reader: they come later (roster exchange, Caliper, Classroom), or have no trustworthy export to read.
LATER = {"caliper", "oneroster", "google_classroom"}
ABOUT = {"checks", "confidence", "tz"}
MAPPED = {"emargement_generique", "mentimeter", "socrative"}
CONSULTED = ("viewed", "launched", "downloaded", "played")


def entries() -> list[tuple[str, str]]:
    if not SHARED.exists():
        return [("-", "-")]
    told = json.loads((SHARED / "expected.json").read_text(encoding="utf-8"))
    return [(system, file) for system, files in told.items() for file in files]


@dataclass
class Got:
    """What one file gave: the JSON of the command line, and the reading."""

    said: dict
    reading: Reading
    extra: dict = field(default_factory=dict)

    def rows(self, table: str, **where: object) -> pl.DataFrame:
        frame = self.reading.tables.get(table)
        return pl.DataFrame() if frame is None else frame.filter(**where)

    @property
    def whole(self) -> pl.DataFrame:
        attempts = self.reading.tables.get("attempts", pl.DataFrame())
        return attempts.filter(pl.col("item_id").is_null()) if "item_id" in attempts.columns else attempts

    @property
    def items(self) -> pl.DataFrame:
        return self.rows("attempts").filter(pl.col("item_id").is_not_null())

    def verbs(self, *names: str) -> int:
        return self.rows("events").filter(pl.col("verb").is_in(names)).height

    def status(self, *names: str) -> int:
        return self.rows("attendance").filter(pl.col("status").is_in(names)).height

    def noted(self, reason: str) -> int:
        return self.reading.account.reasons("note")[reason]

    def aside(self, reason: str) -> int:
        return self.reading.account.reasons()[reason]

    def missing(self, *reasons: str) -> int:
        return self.whole.filter(pl.col("missing_reason").is_in(reasons)).height

    def staff(self) -> set[str]:
        return set(self.reading.people.filter(kind="role", value="staff")["person"])

    def identified(self) -> dict[str, str]:
        """Return the person key of each learner of the Moodle site that this file certainly means."""
        users = read(SHARED / "moodle" / "mdl_user.csv", Context())
        both = [("u", "moodle_users", users.people), ("f", self.reading.format, self.reading.people)]
        found = {}
        for person in who_is_who(both).people:
            ids = [mark.removeprefix("moodle:id:") for mark in person.ids if mark.startswith("moodle:id:")]
            found |= {one: key for one in ids for source, key in person.nodes if source == "f"}
        return found


def verbs(got: Got, want: dict) -> dict:
    """Count by the names of the entry: those of logs, then those of Open edX."""
    known = {
        "consulted": CONSULTED, "completed?": ("completed", "completion_updated", "passed", "failed"),
        "play": ("played",), "problem_check(server)=submitted": ("submitted",),
    }  # fmt: skip
    counts = {name: got.verbs(*known.get(name, (name,))) for name in want}
    if "stop" in want:  # both end a stretch of playing, one in the middle and one at the end
        assert got.verbs("paused") == want["pause"] + want["stop"]
        counts |= {"pause": want["pause"], "stop": want["stop"]}
        assert got.verbs("other") >= want["seek"] + want["load"]
        counts |= {"seek": want["seek"], "load": want["load"]}
    return counts


def resources(got: Got, want: object) -> object:
    """Count resources, or list the course-module ids: a log names a virtual class by its title alone."""
    if not isinstance(want, list):
        return got.said["tables"]["resources"]
    modules = read(SHARED / "moodle" / "mdl_course_modules_named.csv", Context()).tables["resources"]
    titled = dict(modules.select("title", "cmid").iter_rows())
    found = got.rows("resources").select("cmid", "title").iter_rows()
    return sorted(int(cmid or titled[title]) for cmid, title in found)


def seconds(got: Got, want: dict) -> dict:
    minutes = dict(got.rows("attendance").select("person", "minutes").iter_rows())
    if got.reading.format == BBB:
        ids = got.reading.people.filter(kind="lms_id")
        keys = {f"moodle-{value}": person for person, value in ids.select("person", "value").iter_rows()}
    else:
        keys = got.identified()
    return {learner: round(minutes[keys[learner]] * 60) for learner in want}


def durations(got: Got, want: dict) -> dict:
    known, told = got.identified(), {}
    for name in want:
        learner, _, attempt = name.partition("#")
        rows = got.whole.filter(pl.col("person") == known[learner], pl.col("attempt") == int(attempt or 1))
        told[name] = rows["seconds"][0]
    return told


def unmatched(got: Got, _: object) -> list[str]:
    known = set(got.identified().values())
    names = got.reading.people.filter(pl.col("kind") == "name", ~pl.col("person").is_in(list(known)))
    ours = got.rows("attendance")["person"].implode()
    return sorted(set(names.filter(pl.col("person").is_in(ours))["value"]) & {"iPhone"})


def intervals(got: Got, _: object) -> int:
    """Count the intervals a file lists; where it is JSON, see that their union is what was taken."""
    if not got.extra:
        return got.said["rows_read"] - got.said["rows_kept"]
    stays = {}
    for record in got.extra.get("value", ()):
        edges = [(each["joinDateTime"], each["leaveDateTime"]) for each in record["attendanceIntervals"]]
        stays[record["emailAddress"]] = [tuple(map(dt.datetime.fromisoformat, each)) for each in edges]
    for user in got.extra.get("users", {}).values():
        if not user["isModerator"]:
            listed = [each for way in user["intIds"].values() for each in way["sessions"]]
            stays[user["extId"]] = [
                tuple(
                    dt.datetime.fromtimestamp(each[edge] / 1000, dt.UTC)
                    for edge in ("registeredOn", "leftOn")
                )
                for each in listed
            ]
    ours = sorted(round(m, 6) for m in got.rows("attendance")["minutes"])
    moments = [sorted({m for stay in each for m in stay}) for each in stays.values()]
    for each, edges in zip(stays.values(), moments, strict=True):  # second by second would be slower
        covered = [b - a for a, b in pairwise(edges) if any(x <= a and b <= y for x, y in each)]
        assert round(sum(covered, dt.timedelta()).total_seconds() / 60, 6) in ours
    return sum(map(len, stays.values()))


CHECKS: dict[str, Callable[[Got, object], object]] = {
    "rows": lambda got, _: got.said["rows_read"],
    "lines": lambda got, _: got.said["rows_read"],
    "statements": lambda got, _: got.said["rows_read"],
    "join_rows": lambda got, _: got.said["rows_read"],
    "responses": lambda got, _: got.said["rows_read"],
    "voters": lambda got, _: got.said["rows_read"],
    "people": lambda got, _: got.said["tables"]["learners"],
    "learners": lambda got, _: got.said["tables"]["learners"],
    "respondents": lambda got, _: got.said["tables"]["learners"],
    "participants": lambda got, _: got.said["tables"]["learners"],
    "players": lambda got, _: got.said["tables"]["learners"],
    "events": lambda got, _: got.said["tables"]["events"],
    "sessions": lambda got, _: got.said["tables"]["sessions"],
    "valid": lambda got, _: got.said["rows_read"] - got.aside("cut_record") - got.aside("not_json"),
    "duplicates": lambda got, _: got.reading.account.reasons("merged")["duplicate_record"],
    "verbs": verbs,
    "resources": resources,
    "completion_rows": lambda got, _: got.said["rows_read"],
    "passed": lambda got, _: got.verbs("passed"),
    "failed": lambda got, _: got.verbs("failed"),
    "completed": lambda got, _: got.verbs("completed", "passed"),
    "overridden": lambda got, _: got.noted("override"),
    "incomplete_with_date": lambda got, want: want if got.verbs("completed", "passed", "failed") == 9 else None,
    "due_dates": lambda got, _: len(got.rows("resources")["due_at"].drop_nulls()),
    "course_completed": lambda got, _: got.said["tables"]["course_completions"],
    "assessments": lambda got, _: got.whole["assessment"].n_unique(),
    "scores": lambda got, _: (got.rows("attempts") if got.reading.format == "xapi" else got.whole)
    .filter(pl.col("raw_score").is_not_null() | pl.col("score").is_not_null()).height,
    "missing": lambda got, _: got.missing("not_graded", "no_attempt"),
    "attempts": lambda got, _: got.said["tables"]["attempts"],
    "not_yet_graded": lambda got, _: got.missing("not_graded"),
    "in_progress": lambda got, _: got.missing("in_progress"),
    "never_submitted": lambda got, _: got.missing("never_submitted"),
    "no_attempt": lambda got, _: got.missing("no_attempt"),
    "average_rows_to_drop": lambda got, _: got.aside("average_row"),
    "aggregate_rows_to_drop": lambda got, _: got.aside("average_row"),
    "second_attempts": lambda got, _: got.whole.filter(attempt=2).height,
    "durations_s": durations,
    "attendance_rows": lambda got, _: (
        got.rows("attendance").filter(~pl.col("person").is_in(list(got.staff()))).height
        if got.reading.format.startswith("bigbluebutton") else got.said["tables"]["attendance"]
    ),
    "attendees": lambda got, _: got.said["tables"]["attendance"],
    "present": lambda got, _: got.status("present", "late") if "late_minutes" in got.rows("attendance").columns
    else got.status("present"),
    "late": lambda got, _: got.status("late"),
    "absent": lambda got, _: got.status("absent"),
    "absent_unjustified": lambda got, _: got.status("absent"),
    "excused": lambda got, _: got.status("excused"),
    "justified": lambda got, _: got.status("excused"),
    "excluded": lambda got, _: got.noted("excluded_from_session"),
    "signed_afterwards_by_email": lambda got, _: got.rows("attendance", proof="email").height,
    "hours_total": lambda got, _: round(got.rows("attendance")["minutes"].sum() / 60, 2),
    "items": lambda got, _: got.rows("feedback")["item"].n_unique(),
    "answers": lambda got, want: (
        got.rows("feedback").height if got.reading.format in ("moodle_feedback", "sheet")
        else got.said["rows_read"] if got.reading.format == "kahoot"
        else got.items.drop_nulls("score").height + got.rows("feedback").filter(pl.col("item") != "Wall").height
    ),
    "groups": lambda got, _: got.reading.people.filter(kind="group")["value"].n_unique(),
    "trainers": lambda got, _: len(got.staff()),
    "moderators": lambda got, _: len(got.staff()),
    "error": lambda got, want: want,
    "watched_seconds_1001": lambda got, _: round(
        got.rows("events").filter(pl.col("person").str.ends_with(":1001"))["seconds"].sum(), 1),
    "not_attempted": lambda got, _: got.said["tables"]["learners"] - got.said["tables"]["attempts"],
    "unenrolled": lambda got, _: got.noted("unenrolled"),
    "voided": lambda got, _: got.aside("voided"),
    "actors_kinds": lambda got, _: sorted(
        {"id": "account", "email": "mbox", "mbox_sha1": "mbox_sha1sum"}[key.split(":")[0]]
        for key in got.reading.people["person"].str.extract(r"^(\w+)", 1).unique()
    ),
    "more": lambda got, _: any(warning.key == "readers_events.more_pages" for warning in got.reading.warnings),
    "waiting_room_rows": lambda got, _: got.aside("waiting_room"),
    "learners_matched": lambda got, _: len(got.identified().keys() - {"2"}),
    "unmatched": unmatched,
    "seconds": seconds,
    "intervals": intervals,
    "polls": lambda got, _: got.rows("feedback")["item"].n_unique(),
    "poll_answers": lambda got, _: got.rows("feedback").drop_nulls("person").height,
    "anonymous_answers": lambda got, _: got.rows("feedback").filter(pl.col("person").is_null()).height,
    "identified": lambda got, _: got.said["tables"]["learners"],
    "first_ts_utc": lambda got, _: f"{got.rows('feedback')['at'][0]:%Y-%m-%dT%H:%M:%SZ}",
    "questions": lambda got, _: len(
        set(got.items["item_id"]) | set(got.rows("feedback").get_column("item", default=pl.Series()).drop_nulls())
        - {"Wall"}
    ),
    "correct": lambda got, _: got.items.filter(score=1.0).height,
    "not_answered": lambda got, want: CHECKS["participants"](got, want) * CHECKS["questions"](got, want)
    - CHECKS["answers"](got, want),
    "messages": lambda got, _: got.rows("feedback", item="Wall").height,
    "anonymous": lambda got, _: got.rows("feedback")["person"].null_count() == got.rows("feedback").height,
    "absences": lambda got, _: got.said["tables"]["absences"],
}  # fmt: skip


@shared
@pytest.mark.parametrize(("system", "name"), entries())
def test_every_entry_holds(run, tmp_path, system, name):  # noqa: F811
    want = json.loads((SHARED / "expected.json").read_text(encoding="utf-8"))[system][name]
    if system in LATER:
        pytest.skip(f"{system}: no reader yet, by design")
    file, options = SHARED / system / name, ["--timezone", "Europe/Paris"]
    mapping = SHARED / system / "mapping_emargement.yaml" if system == "emargement_generique" else None
    if system in MAPPED and mapping is None:
        mapping = tmp_path / "mapping.yaml"
        mapping.write_text(write_first_mapping(file), encoding="utf-8")
    options += ["--mapping", mapping] if mapping else []
    options += ["--day", "2024-03-21"] if system == "google_meet" else []
    code, out, problem = run("read", file, *options, "--json")
    if want.get("error"):
        assert (code, out) == (1, "")
        assert problem.count("\n") == 1
        assert name in problem
        return
    assert (code, problem) == (0, "")
    said = json.loads(out)
    assert said["rows_read"] == said["rows_kept"] + said["rows_merged"] + said["rows_set_aside"]
    context = Context(
        "Europe/Paris", mapping=mapping, day=dt.date(2024, 3, 21) if "--day" in options else None
    )
    content = json.loads(file.read_text(encoding="utf-8")) if file.suffix == ".json" else {}
    got = Got(said, read(file, context), content if isinstance(content, dict) else {})
    for key in want.keys() - ABOUT:
        assert key in CHECKS, f"nothing here checks {key}"
        assert CHECKS[key](got, want[key]) == want[key], key


@shared
def test_every_system_has_entries_or_is_to_come():
    told = json.loads((SHARED / "expected.json").read_text(encoding="utf-8"))
    folders = {path.name for path in SHARED.iterdir() if path.is_dir()}
    assert folders == set(told)
    assert set(told) >= LATER | MAPPED
