"""The synthetic programme: files shaped like real exports, as odd as they are, and holding what was drawn."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter

import numpy as np
import pytest
from sample_files import EXPORTS, PARIS, SHIPPED, contents, log, rows

from flipstats.sample import Truth, read_truth, write_sample
from flipstats.sample.programme import COURSES, HOSTILE_TITLE


@pytest.fixture(scope="module")
def told() -> Truth:
    return read_truth(SHIPPED / "truth.json")


def test_file_shapes():
    bom, utf16 = b"\xef\xbb\xbf", b"\xff\xfe"
    starts = {path.name: path.read_bytes()[:3] for path in EXPORTS.iterdir()}
    assert all(v == bom for k, v in starts.items() if k.startswith(("logs_", "courseid_", "SECINC-")))
    assert all(v[:2] == utf16 for k, v in starts.items() if k.startswith("Classe virtuelle"))
    assert starts["progress.secinc-2023.csv"] == b',"A'
    assert starts["progress.secinc-2024.csv"][:2] == utf16
    assert starts["completion-secinc-2024-20241220_0800-comma_separated.csv"] == b"ID,"
    sheet = (EXPORTS / "emargement_SECINC-2023.csv").read_bytes()
    assert sheet.count(b"\r\n") == sheet.count(b"\n")
    assert "N° session" in sheet.decode("cp1252")
    with pytest.raises(UnicodeDecodeError):
        sheet.decode("utf-8")
    teams = next(EXPORTS.glob("*Rapport de présence*")).read_bytes().decode("utf-16")
    assert teams.startswith("1. Résumé\r\n")
    assert "\t" in teams


def test_logs_are_newest_first_in_the_words_and_times_of_their_version():
    french, english = log(0), log(1)
    assert list(french[0])[:2] == ["Heure", "Nom complet de l'utilisateur"]
    assert re.fullmatch(r"\d{1,2} déc\. 23, \d\d:\d\d", french[0]["Heure"])
    assert re.fullmatch(r"\d{1,2}/12/24, \d\d:\d\d:\d\d", english[0]["Time"])
    times = [dt.datetime.strptime(r["Time"], "%d/%m/%y, %H:%M:%S").replace(tzinfo=PARIS) for r in english]
    back = dt.datetime(2024, 10, 27, 2, 0, tzinfo=PARIS).date()
    steady = [t for t in times if t.date() != back]
    assert steady == sorted(steady, reverse=True)


def test_quiz_reports_write_dates_with_two_spaces_and_marks_with_their_own_decimal():
    header, *body = rows(EXPORTS / "SECINC-2023-Évaluation finale (2023)-notes.csv")
    assert header[:5] == ["Nom", "Prénom", "Adresse de courriel", "État", "Commencé le"]
    assert header[5:8] == ["Terminé", "Temps utilisé", "Note/20,00"]
    assert re.fullmatch(r"\d+ (novembre|décembre) 2023  \d\d:\d\d", body[0][4])
    assert re.fullmatch(r"\d+,\d\d", body[0][7])
    assert body[-1][0] == "Moyenne globale"
    header, *body = rows(EXPORTS / "SECINC-2024-Évaluation finale (2024)-grades.csv")
    assert header[3:8] == ["Status", "Started", "Completed", "Duration", "Grade/20.00"]
    assert re.fullmatch(r"\d+ (November|December) 2024  \d+:\d\d [AP]M", body[0][4])


# ---------------------------------------------------------------------------------- what was put in is there


def test_two_arms_two_iterations_several_unequal_groups(told):
    cells = Counter((c["arm"], c["iteration"]) for c in told.cohorts)
    assert cells == {(arm, i): 4 for arm in ("flipped", "conventional") for i in (1, 2)}
    sizes = [c["learners"] for c in told.cohorts]
    assert sum(sizes) == 160
    assert len(set(sizes)) > 3


def test_neither_arm_is_one_trainer_or_one_site():
    header, *body = rows(SHIPPED / "cohorts.csv")
    for arm in ("flipped", "conventional"):
        mine = [dict(zip(header, r, strict=True)) for r in body if arm in r]
        assert len({r["trainer"] for r in mine}) >= 3
        assert len({r["site"] for r in mine}) >= 2


def test_ghosts_are_on_the_roster_and_in_no_log(told):
    ghosts = [told.learners[i] for i in told.planted["ghosts"]]
    assert ghosts
    listed = "".join(p.read_text("utf-8-sig") for p in EXPORTS.glob("courseid_*"))
    assert all(g["email"] in listed for g in ghosts)
    enrolling = re.compile(r"enrolled the user")
    said = [r["Description"] for i in (0, 1) for r in log(i) if not enrolling.search(r["Description"])]
    site = "".join(p.read_text("utf-8-sig") for p in EXPORTS.glob("logs_20*"))
    for ghost in ghosts:
        assert not any(f"'{ghost['moodle_id']}'" in text for text in said)
        assert f"'{ghost['moodle_id']}'" not in site


def test_who_is_unenrolled_is_in_the_log_and_who_vanishes_is_not(told):
    gone = {
        int(re.findall(r"'(\d+)'", r["Description"])[1])
        for i in (0, 1)
        for r in log(i)
        if "unenrolled the user" in r["Description"]
    }
    assert gone == {told.learners[i]["moodle_id"] for i in told.planted["withdrawn"]} != set()
    assert told.planted["vanished"]


def test_staff_and_an_impersonated_login_are_in_the_log(told):
    french = [r["Nom complet de l'utilisateur"] for r in log(0)]
    english = [r["User full name"] for r in log(1)]
    assert any(" en tant que " in name for name in french) or any(" as " in name for name in english)
    assert sum(name == "Sophie Delaunay" for name in french) >= 4
    assert "Admin Plateforme" in english
    study = (SHIPPED / "study.toml").read_text("utf-8")
    listed = "".join(p.read_text("utf-8-sig") for p in EXPORTS.glob("courseid_*"))
    for person in told.planted["staff"]:
        assert person["email"] in study
        assert person["email"] in listed


def test_who_is_impersonated_opened_nothing_by_themselves(told):
    for number, cmid in told.planted["impersonated"]:
        learner = told.learners[number]
        session = cmid % 100 // 10
        assert learner["levels"][session - 1] == [0, 0, 0]


def test_homonyms_one_pair_with_ids_and_addresses_together_one_without(told):
    one, two = told.planted["homonyms_resolvable"]
    bridge = {r[0]: r[2] for r in rows(next(EXPORTS.glob("completion-*")))}
    for i in (one, two):
        assert bridge[str(told.learners[i]["moodle_id"])] == told.learners[i]["email"]
    one, two = (told.learners[i] for i in told.planted["homonyms_unresolvable"])
    assert one["cohorts"] == two["cohorts"]
    assert one["cohorts"][0].startswith("2023")
    assert not list(EXPORTS.glob("completion-secinc-2023*"))
    names = Counter((r[0], r[1]) for p in EXPORTS.glob("courseid_*") for r in rows(p)[1:])
    assert names[("Marie", "Martin")] == names[("Thomas", "Bernard")] == 2
    staff = {n for n, c in names.items() if c == 2 and n not in {("Marie", "Martin"), ("Thomas", "Bernard")}}
    assert len(staff) == 7


def test_a_learner_in_two_cohorts(told):
    learner = told.learners[told.planted["two_cohorts"]]
    assert len(learner["cohorts"]) == 2
    listed = {r[2]: r[3] for r in rows(EXPORTS / "courseid_42_participants.csv")}
    assert listed[learner["email"]] == ", ".join(learner["cohorts"])


def test_the_repeated_hour_is_written_twice(told):
    times = Counter((r["Heure"], r["Description"]) for r in log(0) if r["Heure"] == "29 oct. 23, 02:30")
    assert [n for (_, text), n in times.items() if "'page'" in text and "'323'" in text] == [3]
    again = [
        r["Time"] for r in log(1) if r["Time"].startswith("27/10/24, 02:30:0") and "'423'" in r["Description"]
    ]
    assert again == ["27/10/24, 02:30:01", "27/10/24, 02:30:00", "27/10/24, 02:30:00"]


def test_late_and_early_preparers(told):
    assert told.planted["late"]
    starts = {(r[0], r[1]): r[3] for r in rows(SHIPPED / "sessions.csv")[1:]}
    cohort = {v["moodle_id"]: v["cohorts"][0] for v in told.learners}
    days = []
    for r in log(1):
        seen = re.match(
            r"The user with id '(\d+)' viewed the 'url' activity .* id '4(\d)[01]'", r["Description"]
        )
        if seen and int(seen[1]) in cohort:
            start = dt.datetime.strptime(starts[(cohort[int(seen[1])], seen[2])], "%Y-%m-%d %H:%M")
            days.append(
                (start - dt.datetime.strptime(r["Time"], "%d/%m/%y, %H:%M:%S")).total_seconds() / 86400
            )
    assert max(days) > 14
    assert min(days) < 0
    assert sum(0 < d < 3 for d in days) > len(days) / 2


def test_failed_logins_are_in_the_site_log_only(told):
    site = [r[7] for p in EXPORTS.glob("logs_20*") for r in rows(p)]
    failed = [text for text in site if text.startswith("Login failed for user '")]
    assert any("locked out" in text for text in failed)
    assert len(failed) > 4 * len(told.planted["locked_out"])
    assert not any("Login failed" in r["Description"] for i in (0, 1) for r in log(i))


def test_a_long_video_is_abandoned():
    header, *body = rows(SHIPPED / "resources.csv")
    minutes = {r[1]: float(r[header.index("minutes")]) for r in body if r[header.index("minutes")]}
    (long,) = [title for title, length in minutes.items() if length > 10]
    assert minutes[long] == 28
    watched: dict[str, list[int]] = {}
    for r in rows(EXPORTS / "video_SECINC-2023.csv", ";")[1:]:
        watched.setdefault(r[1], []).append(int(r[3]))
    medians = {title: np.median(v) for title, v in watched.items()}
    assert medians[long] < 50 < min(m for title, m in medians.items() if title != long)


def test_missing_scores_say_why():
    states, marks = Counter(), Counter()
    for file in EXPORTS.glob("SECINC-*"):
        for r in rows(file)[1:-1]:
            states[r[3]] += 1
            marks[r[7] if not re.match(r"\d", r[7]) else "mark"] += 1
    for word in ("Terminé", "Finished", "En cours", "In progress", "Jamais envoyée", "Never submitted", "-"):
        assert states[word], word
    assert marks["Pas encore évalué"] == marks["Not yet graded"] == 1


def test_an_override_by_staff_is_marked():
    text = (EXPORTS / "progress.secinc-2023.csv").read_text("utf-8")
    assert "(défini par Sophie Delaunay)" in text
    assert "(set by Sophie Delaunay)" in (EXPORTS / "progress.secinc-2024.csv").read_text("utf-16")


def test_sheets_not_taken_are_missing(told):
    for cohort, session in told.planted["missing_sheets"]:
        text = (EXPORTS / f"emargement_SECINC-{cohort[:4]}.csv").read_text("cp1252")
        assert f"{cohort}-S{session};" not in text
        assert f"{cohort}-S1;" in text


def test_a_hostile_title_reaches_every_export_that_names_it():
    header, *body = rows(SHIPPED / "resources.csv")
    # The sheet, which people open in a spreadsheet, is written so that nothing runs.
    assert "'" + HOSTILE_TITLE in [r[header.index("title")] for r in body]
    assert any(r["Event context"] == f"Page: {HOSTILE_TITLE}" for r in log(1))
    assert f'"{HOSTILE_TITLE}"' in (EXPORTS / "progress.secinc-2024.csv").read_text("utf-16")


def test_names_have_accents_apostrophes_and_other_alphabets(told):
    names = "".join(r[0] + r[1] for p in EXPORTS.glob("courseid_*") for r in rows(p)[1:])
    assert re.search("[éèïÉ]", names)
    assert "'" in names
    assert re.search(r"[\u4e00-\u9fff]", names)
    assert re.search(r"[\u0400-\u04ff\u0370-\u03ff\u0600-\u06ff]", names)
    addresses = [v["email"] for v in told.learners]
    assert len(set(addresses)) == len(addresses)
    assert all(a.endswith(("@exemple-formation.fr", "@example.org")) for a in addresses)


def test_two_zones_meet_in_one_programme():
    study = (SHIPPED / "study.toml").read_text("utf-8")
    assert study.count('timezone = "UTC"') == 2
    assert study.count('timezone = "Europe/Paris"') > 20


# -------------------------------------------------------------------- files against what was drawn


def opened_in_the_log(iteration: int) -> set[tuple[int, int]]:
    """(Moodle id, course-module id) of every view before the learner's session, but for staff's."""
    told = read_truth(SHIPPED / "truth.json")
    starts = {(r[0], int(r[1])): r[3] for r in rows(SHIPPED / "sessions.csv")[1:]}
    cohort = {v["moodle_id"]: v["cohorts"][0] for v in told.learners}
    seen = set()
    for r in log(iteration):
        match = re.match(
            r"The user with id '(\d+)' viewed the '\w+' activity .* id '(\d+)'\.", r["Description"]
        )
        if not match or int(match[1]) not in cohort or " as " in r["User full name"]:
            continue
        start = dt.datetime.strptime(
            starts[(cohort[int(match[1])], int(match[2]) % 100 // 10 or 1)], "%Y-%m-%d %H:%M"
        )
        if dt.datetime.strptime(r["Time"], "%d/%m/%y, %H:%M:%S") < start:
            seen.add((int(match[1]), int(match[2])))
    return seen


def test_the_log_holds_exactly_what_was_drawn(told):
    seen = opened_in_the_log(1)
    for learner in told.learners:
        if learner["levels"] and learner["cohorts"][0].startswith("2024"):
            drawn = [[level > 0 for level in session] for session in learner["levels"]]
            found = [
                [(learner["moodle_id"], 400 + 10 * s + r) in seen for r in range(3)] for s in range(1, 5)
            ]
            assert found == drawn, learner["number"]


def test_the_video_report_holds_exactly_what_was_drawn(told):
    titles = {a.title: a for a in COURSES[1].activities if a.minutes}
    starts = {(r[0], int(r[1])): r[3] for r in rows(SHIPPED / "sessions.csv")[1:]}
    cohort = {v["email"]: v["cohorts"][0] for v in told.learners}
    levels = {}
    for email, title, at, percent, _, _ in rows(EXPORTS / "video_SECINC-2024.csv", ";")[1:]:
        film = titles[title]
        start = dt.datetime.strptime(starts[(cohort[email], film.session)], "%Y-%m-%d %H:%M").replace(
            tzinfo=PARIS
        )
        if dt.datetime.fromisoformat(at).replace(tzinfo=dt.UTC) <= start:
            level = 3 if int(percent) >= 95 else 2 if int(percent) >= 50 else 1
            levels[(email, film.session, ("video_a", "video_b").index(film.slot))] = level
    for learner in told.learners:
        if learner["levels"] and learner["cohorts"][0].startswith("2024"):
            found = [[levels.get((learner["email"], s, r), 0) for r in (0, 1)] for s in (1, 2, 3, 4)]
            assert found == [session[:2] for session in learner["levels"]], learner["number"]


def test_more_events_change_nothing_but_the_length_of_the_logs(tmp_path, told):
    longer = write_sample(tmp_path, events=20_000)
    logs = [n for name, n in longer.log_rows.items() if name.startswith("logs_SECINC")]
    assert sum(logs) == 20_000
    assert longer.learners == told.learners
    assert longer.sessions == told.sessions
    same = contents(SHIPPED / "exports")
    changed = [name for name, raw in contents(tmp_path / "exports").items() if raw != same[name]]
    assert [name[:12] for name in changed] == ["logs_SECINC-", "logs_SECINC-"]
