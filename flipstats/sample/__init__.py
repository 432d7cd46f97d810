"""A synthetic training programme as raw exports, with the true values it was drawn from.

`write_sample` writes what an organisation would have on day one: exports of Moodle, Teams, a tool for
attendance and satisfaction sheets, a calendar and a video platform, and the study file and sheets that a
person has corrected. It never writes a canonical table.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from flipstats.errors import ParameterError
from flipstats.i18n import t
from flipstats.sample import actions as acts
from flipstats.sample import meetings, moodle_reports, planted
from flipstats.sample.feedback import Answer, draw_answers, write_feedback
from flipstats.sample.moodle_log import Log, add_actions
from flipstats.sample.parameters import PROBLEMS, Parameters, checked
from flipstats.sample.programme import Course
from flipstats.sample.sheets import write_sheets
from flipstats.sample.truth import Truth, read_truth, tell
from flipstats.sample.video import write_videos
from flipstats.sample.world import World, draw

__all__ = ["PROBLEMS", "Parameters", "Truth", "read_truth", "write_sample"]
DEFAULT = Parameters()


def write_sample(
    folder: Path | str,
    *,
    learners: int | None = None,
    events: int | None = None,
    seed: int = DEFAULT.seed,
    effect: float = DEFAULT.effect,
    icc: float = DEFAULT.icc,
    baseline_gap: float = DEFAULT.baseline_gap,
    group_size: int = DEFAULT.group_size,
    language: str = DEFAULT.language,
    null: bool = False,
    problems: Sequence[str] | None = None,
) -> Truth:
    """Write a synthetic programme into a folder.

    Parameters
    ----------
    folder : path
        Where `study.toml`, the sheets, `truth.json` and the folders `exports` and `mappings` go.
    learners : int, optional
        Learners of both iterations and arms together, 160 by default.
    events : int, optional
        Rows of the two course logs together; by default what the learners do, about 30 each.
    seed : int
        The same seed and arguments give the same files, byte for byte.
    effect : float
        True effect of the flip on the end test, in standard deviations within an arm.
    icc : float
        Share of the variance of the end test that lies between groups.
    baseline_gap : float
        How much better the flipped arm was before, in standard deviations of the positioning test.
    group_size : int
        Learners of a group, on average.
    language : str
        Language of the sheets, ``"en"`` or ``"fr"``; the exports are in both.
    null : bool
        Draw a programme where the flip changes neither scores nor completion.
    problems : sequence of str, optional
        Draw a programme where nothing is wrong but these, of `PROBLEMS`: a video too long, a question that
        most fail, a group that prepares too early, logins that fail. Empty: nothing is. Without it the
        programme is as exports are, with a long video in its first year, quizzes that are hard, and learners
        who are asked what they think of it.

    Returns
    -------
    Truth

    Raises
    ------
    ParameterError
        A value is outside its range, `events` is fewer than the learners make, or the folder holds exports
        that are not a sample's.

    Examples
    --------
    >>> import tempfile
    >>> drawn = write_sample(tempfile.mkdtemp(), learners=48, seed=3)
    >>> drawn.comparison["summative"]["effect_g"]
    0.35
    """
    chosen = Parameters(
        learners=DEFAULT.learners if learners is None else learners,
        events=events,
        seed=seed,
        effect=effect,
        icc=icc,
        baseline_gap=baseline_gap,
        group_size=group_size,
        language=language,
        problems=None if problems is None else tuple(dict.fromkeys(problems)),
    )
    world = draw(checked(chosen, null=null))
    oddities = planted.plant(world)
    exports = _empty_exports(Path(folder))
    answers = draw_answers(world, oddities)
    written, log_rows = _write_exports(world, oddities, answers, exports)
    write_sheets(world, Path(folder), written)
    note = t("sample.readme", chosen.language, n=world.learners.n, seed=seed)
    (Path(folder) / "README.md").write_text(note, encoding="utf-8", newline="")
    files = [name for kinds in written.values() for names in kinds.values() for name in names]
    truth = tell(world, oddities, answers, files, log_rows)
    (Path(folder) / "truth.json").write_text(truth.to_json(), encoding="utf-8", newline="")
    return truth


def _empty_exports(folder: Path) -> Path:
    """Return the folder of exports, without those of a sample written there before.

    A study reads exports by pattern: one left over from another programme would be read with the new ones.
    """
    exports, told = folder / "exports", folder / "truth.json"
    exports.mkdir(parents=True, exist_ok=True)
    for name in _files_of(told):
        (exports / Path(name).name).unlink(missing_ok=True)
    if left := sorted(path.name for path in exports.iterdir()):
        raise ParameterError(t("sample.folder_in_use", folder=exports, n=len(left), file=left[0]))
    return exports


def _files_of(told: Path) -> list[str]:
    try:
        return read_truth(told).files
    except (OSError, ValueError, TypeError):  # none, or not ours: then its exports are not ours either
        return []


def _write_exports(world: World, oddities: planted.Planted, answers: Sequence[Answer], exports: Path):
    did, attempts, watching = acts.act(world)
    of_course = {c.iteration: did.of(world.iteration[did.learner] == c.iteration) for c in world.courses}
    logs = {c.iteration: _course_log(world, c, of_course[c.iteration], oddities) for c in world.courses}
    missing = _missing_rows(world, [len(logs[c.iteration]) for c in world.courses])
    written: dict[int, dict[str, list[str]]] = {}
    log_rows: dict[str, int] = {}
    for course in world.courses:
        i, stamp, mine = course.iteration, f"{course.exported:%Y%m%d-%H%M}", of_course[course.iteration]
        done = acts.completed_at(course.activities, mine)
        name, site_name = f"logs_{course.short}_{stamp}.csv", f"logs_{stamp}.csv"
        log = logs.pop(i)
        if missing[i]:
            add_actions(log, course, acts.more(world, mine, missing[i], 30 + i))
        log_rows[name] = log.write(exports / name)
        site = planted.new_log(world, course.language)
        planted.site_rows(site, world, course, mine, oddities)
        log_rows[site_name] = site.write(exports / site_name, course="Plateforme de formation")
        written[i] = {
            "participants": [moodle_reports.write_participants(world, course, oddities, exports)],
            "log": [name],
            "site_log": [site_name],
            "progress": [moodle_reports.write_progress(world, course, done, oddities, exports)],
            "quizzes": [
                moodle_reports.write_quiz(world, course, activity, attempts, exports)
                for activity in course.activities
                if activity.slot in moodle_reports.MAXIMUM
            ],
            "attendance_sheet": [meetings.write_sheet(world, course, oddities, exports)],
            "teams": meetings.write_teams(world, course, oddities, exports),
            "videos": [write_videos(world, course, watching, exports)],
            "satisfaction": write_feedback(world, course, answers, exports),
        }
        if i == 1:  # only this iteration has what tells its homonyms apart, and a calendar
            written[i]["completion"] = [moodle_reports.write_course_completion(world, course, done, exports)]
            written[i]["calendar"] = [meetings.write_calendar(world, course, exports)]
    return written, log_rows


def _course_log(world: World, course: Course, did: acts.Actions, oddities: planted.Planted) -> Log:
    log = planted.new_log(world, course.language)
    add_actions(log, course, did)
    planted.staff_rows(log, world, course, oddities)
    planted.odd_rows(log, course, oddities)
    return log


def _missing_rows(world: World, natural: list[int]) -> list[int]:
    """Return how many rows each course log lacks to hold, together, as many as were asked for."""
    wanted, total = world.parameters.events, sum(natural)
    if wanted is None:
        return [0] * len(natural)
    if wanted < total:
        raise ParameterError(t("sample.too_few_events", least=total, found=wanted))
    first = (wanted - total) * natural[0] // total
    return [first, wanted - total - first]
