"""The true values of a drawn programme: what an honest interval should cover.

Two kinds, never mixed:

- **cohorts, sessions**: the expected value *given the group effects that were drawn*, over learners like
  these (their traits integrated out). That is what the interval of an indicator of a cohort is for.
- **comparison**: the effect of the flip over *groups like these* (group effects integrated out too). That is
  what the interval of the comparison of the arms is for.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from flipstats.sample.feedback import Answer, true_feedback
from flipstats.sample.parameters import BASELINE_SD, PASS_POINTS, SUMMATIVE_MEAN, SUMMATIVE_SD, Parameters
from flipstats.sample.planted import (
    ADMIN_ID,
    FIRST_LEARNER_ID,
    FIRST_STAFF_ID,
    LOCKED_ITERATION,
    Planted,
    left_at,
    staff,
)
from flipstats.sample.programme import BLOCKING, COURSES, LONG_VIDEO, MANDATORY, SESSIONS
from flipstats.sample.well import early_group
from flipstats.sample.world import Groups, World, depth, lead_share, opening_logit, sigmoid

LEVELS = ("opened", "substantial", "completed")
_NODES = 16
_NEAR_H = 5 * 24 + 0.4  # within five days, of the last of several looks in one sitting


@dataclass(frozen=True, slots=True)
class Truth:
    """What a synthetic programme was drawn from.

    Attributes
    ----------
    parameters : dict
        Every parameter, with the seed.
    comparison : dict
        For ``summative`` and ``completion``: the effect when the positioning test is taken into account
        (``effect``), what an unadjusted difference estimates (``unadjusted``), and ``effect_g``.
    cohorts : list of dict
        For each cohort: arm, learners, expected summative score and completion.
    sessions : list of dict
        For each cohort and session, the expected value of each indicator among those still enrolled when
        it starts; times ``still_enrolled``, among all who ever were. Null: not applicable.
    learners : list of dict
        Identity map: number, e-mail, Moodle id, cohorts, and what was drawn for each.
    planted : dict
        Every oddity put into the files, and who carries it.
    files : list of str
        The exports written, in the folder ``exports``.
    log_rows : dict
        Rows of each log report.
    feedback : dict
        What learners were asked about, the share of those present that answers, the expected rating of each
        question as a share of its scale, and how many learners were given each theme. Empty: nobody was.
    """

    parameters: dict[str, object]
    comparison: dict[str, dict[str, float]]
    cohorts: list[dict[str, object]]
    sessions: list[dict[str, object]]
    learners: list[dict[str, object]]
    planted: dict[str, object]
    files: list[str]
    log_rows: dict[str, int]
    feedback: dict[str, object] = field(default_factory=dict)  # samples of before have none

    def to_json(self) -> str:
        """Return the truth as JSON, one cohort, session or learner a line."""
        parts = []
        for name, value in asdict(self).items():
            if isinstance(value, list) and value and isinstance(value[0], dict):
                rows = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in value)
                parts.append(f' "{name}": [\n{rows}\n ]')
            else:
                parts.append(f' "{name}": {json.dumps(value, ensure_ascii=False, indent=1)}')
        return "{\n" + ",\n".join(parts) + "\n}\n"


def read_truth(path: Path) -> Truth:
    """Read the truth of a sample back."""
    return Truth(**json.loads(path.read_text(encoding="utf-8")))


def tell(
    world: World, planted: Planted, answers: Sequence[Answer], files: list[str], log_rows: dict[str, int]
) -> Truth:
    """Work out the true values of a programme."""
    given = {name: getattr(world.parameters, name) for name in world.parameters.__dataclass_fields__}
    if given["problems"] is None:  # the truth of a sample without them is what it was before they came
        del given["problems"]
    return Truth(
        parameters=given,
        comparison=comparison(world.parameters),
        cohorts=_cohorts(world),
        sessions=_sessions(world),
        learners=_learners(world, planted),
        planted=_planted(world, planted),
        files=sorted(files),
        log_rows=log_rows,
        feedback=true_feedback(answers),
    )


def _nodes() -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights for the mean of a function of a standard normal."""
    x, w = np.polynomial.hermite_e.hermegauss(_NODES)
    return x, w / w.sum()


def _normal_cdf(x: np.ndarray) -> np.ndarray:
    from scipy.special import ndtr

    return ndtr(x)


def _passes(p: Parameters, flipped, baseline, group, group_sd: float = 0.0) -> np.ndarray:
    """Chance to reach the pass mark, for who takes the end test; marks go by quarters of a point."""
    mean = p.effect * flipped + p.baseline_slope * baseline + group
    mark = (PASS_POINTS - 0.125 - SUMMATIVE_MEAN) / SUMMATIVE_SD
    return _normal_cdf((mean - mark) / (p.summative_noise_sd**2 + group_sd**2) ** 0.5)


def _drops(p: Parameters, flipped, baseline, group) -> np.ndarray:
    return sigmoid(p.dropout + p.dropout_effect * flipped + p.dropout_baseline * baseline + group)


def comparison(p: Parameters) -> dict[str, dict[str, float]]:
    """Return the true effects of the flip, with and without the positioning test taken into account."""
    x, w = _nodes()
    base, drop, weight = x[:, None], p.dropout_group_sd * x[None, :], w[:, None] * w[None, :]

    def expected(flipped: int, shift: float) -> tuple[float, float]:
        """Completion, and the mean mark of who takes the test, where the baseline is shifted."""
        baseline = base + shift
        stays = (1 - _drops(p, flipped, baseline, drop)) * weight
        passes = _passes(p, flipped, baseline, 0.0, p.summative_group_sd)
        mark = p.effect * flipped + p.baseline_slope * baseline
        complete = (1 - p.ghosts) * p.takes_summative * (stays * passes).sum()
        return float(complete), float(SUMMATIVE_SD * (stays * mark).sum() / stays.sum())

    gap = p.baseline_gap
    (own1, mark1), (own0, mark0) = expected(1, gap), expected(0, 0.0)
    # Everyone of both arms under each format: the populations differ only by their baseline.
    same = [0.5 * (expected(arm, gap)[0] + expected(arm, 0.0)[0]) for arm in (1, 0)]
    told = {
        "summative": {
            "effect": p.effect * SUMMATIVE_SD,
            "effect_share": p.effect * SUMMATIVE_SD / 20,
            "effect_g": p.effect,
            "unadjusted": mark1 - mark0,
            "unadjusted_share": (mark1 - mark0) / 20,
            "sd_within_arm": SUMMATIVE_SD,
            "icc": p.icc,
        },
        "completion": {
            "effect": same[0] - same[1],
            "unadjusted": own1 - own0,
            "treated": own1,
            "control": own0,
        },
        "baseline": {"gap_sd": gap, "gap_points": gap * BASELINE_SD, "gap_share": gap * BASELINE_SD / 20},
    }
    return {name: {key: _short(value) for key, value in of.items()} for name, of in told.items()}


def _within(p: Parameters, groups: Groups) -> tuple[np.ndarray, np.ndarray]:
    """Baseline nodes of each group (G, nodes) and their weights."""
    x, w = _nodes()
    return groups.baseline[:, None] + (1 - p.baseline_icc) ** 0.5 * x[None, :], w


def _cohorts(world: World) -> list[dict[str, object]]:
    p, groups = world.parameters, world.groups
    baseline, w = _within(p, groups)
    flipped = groups.flipped[:, None]
    stays = (1 - _drops(p, flipped, baseline, groups.dropout[:, None])) * w
    passes = _passes(p, flipped, baseline, groups.summative[:, None])
    mark = p.effect * flipped + p.baseline_slope * baseline + groups.summative[:, None]
    taken = (1 - p.ghosts) * p.takes_summative * stays.sum(axis=1)
    complete = (1 - p.ghosts) * p.takes_summative * (stays * passes).sum(axis=1)
    score = SUMMATIVE_MEAN + SUMMATIVE_SD * (stays * mark).sum(axis=1) / stays.sum(axis=1)
    return [
        {
            "cohort": groups.name[g],
            "arm": "flipped" if groups.flipped[g] else "conventional",
            "iteration": int(groups.iteration[g]) + 1,
            "learners": int(groups.size[g]),
            "baseline_mean_sd": _short(groups.baseline[g]),
            "summative_effect_sd": _short(groups.summative[g]),
            "summative_share": _short(score[g] / 20),
            "taken": _short(taken[g]),
            "completion": _short(complete[g]),
        }
        for g in range(len(groups.name))
    ]


def _sessions(world: World) -> list[dict[str, object]]:
    p, groups = world.parameters, world.groups
    x, w = _nodes()
    baseline, _ = _within(p, groups)
    # Diligence given the baseline: groups x baseline nodes x diligence nodes.
    rho = p.opening_baseline
    diligence = p.opening_learner_sd * (rho * baseline[:, :, None] + (1 - rho**2) ** 0.5 * x[None, None, :])
    weight = (w[:, None] * w[None, :])[None]
    gone = _drops(p, groups.flipped[:, None], baseline, groups.dropout[:, None])[:, :, None]
    rows = []
    for s in range(1, SESSIONS + 1):
        left = gone * (s - 1) / (SESSIONS - 1)
        here = (1 - p.ghosts) * (1 - left) * weight
        still = 1 - (1 - p.ghosts) * p.withdrawn_share * (left * weight).sum(axis=(1, 2))
        cells = _preparation(p, groups, s, diligence, here)
        cells["present"] = p.attends * here.sum(axis=(1, 2))
        cells = {name: value / still for name, value in cells.items()}
        cells["still_enrolled"] = still
        cells["lead_within_5d"] = _near(p, groups, s)
        cells["start_response"] = np.full(len(groups.name), p.answers_start)
        cells["start_score"] = _start(p, groups, s, baseline, diligence, here)
        rows += _session_rows(groups, s, cells)
    return sorted(rows, key=lambda row: (row["cohort"], row["session"]))


def _session_rows(groups: Groups, s: int, cells: dict[str, np.ndarray]) -> list[dict[str, object]]:
    always = {"still_enrolled", "present", "start_response", "start_score"}
    return [
        {
            "cohort": groups.name[g],
            "session": s,
            "arm": "flipped" if groups.flipped[g] else "conventional",
            # Without preparation to do, preparation is not applicable: null.
            **{k: _short(v[g]) if groups.flipped[g] or k in always else None for k, v in cells.items()},
        }
        for g in range(len(groups.name))
    ]


def _chances(p: Parameters, groups: Groups, s: int, diligence: np.ndarray) -> list[np.ndarray]:
    """Chance of each level of each mandatory resource: three levels of (3 resources, G, nodes, nodes)."""
    opened = []
    for slot in MANDATORY:
        opened.append(sigmoid(opening_logit(p, s, slot) + groups.opening[:, None, None] + diligence))
    half, full = np.array(
        [[depth(p, int(i), s, slot) for i in groups.iteration] for slot in MANDATORY]
    ).transpose(2, 0, 1)[:, :, :, None, None]
    first = np.stack(opened)
    return [first, first * half, first * half * full]


def _preparation(p: Parameters, groups: Groups, s: int, diligence, here) -> dict[str, np.ndarray]:
    cells: dict[str, np.ndarray] = {}
    for level, chance in zip(LEVELS, _chances(p, groups, s, diligence), strict=True):
        cells[f"consultation_{level}"] = (chance.mean(axis=0) * here).sum(axis=(1, 2))
        cells[f"prepared_all_{level}"] = (chance.prod(axis=0) * here).sum(axis=(1, 2))
        cells[f"prepared_any_{level}"] = ((1 - (1 - chance).prod(axis=0)) * here).sum(axis=(1, 2))
    cells["late"] = p.late * (here.sum(axis=(1, 2)) - cells["prepared_any_opened"])
    return cells


def _near(p: Parameters, groups: Groups, s: int) -> np.ndarray:
    """Share whose last look is within five days, of who opened anything before the session."""
    released = np.array([course.released.timestamp() for course in COURSES])[groups.iteration]
    available = (groups.starts[:, s - 1] - released) / 3600
    ordinary = lead_share(p, _NEAR_H) / lead_share(p, np.minimum(available, 13.5 * 24))
    if p.has("early_cohort"):
        ordinary[early_group(p.seed, groups.flipped, groups.size)] = 0.0
    return ordinary * np.where(available > 14.5 * 24, 1 - p.early, 1.0)


def _start(p: Parameters, groups: Groups, s: int, baseline, diligence, here) -> np.ndarray:
    """Mean share of right answers, of who is present and answers: over the eight ways to be prepared."""
    chance = _chances(p, groups, s, diligence)[1] * groups.flipped[None, :, None, None]
    odds = p.start + p.start_baseline * baseline[:, :, None] + groups.start[:, None, None]
    total = np.zeros_like(here)
    for which in np.ndindex(2, 2, 2):
        taken = np.array(which)[:, None, None, None]
        likely = np.where(taken, chance, 1 - chance).prod(axis=0)
        total += likely * sigmoid(odds + p.start_prepared * sum(which) / len(MANDATORY))
    return (total * here).sum(axis=(1, 2)) / here.sum(axis=(1, 2))


def problems_of(world: World) -> list[dict[str, object]]:
    """Return the problems that were planted, each with where it is."""
    p, groups = world.parameters, world.groups
    iteration, session, slot, item = BLOCKING
    places = {
        "long_video": {"iteration": LONG_VIDEO[0] + 1, "session": LONG_VIDEO[1], "slot": LONG_VIDEO[2],
                       "cmid": world.courses[LONG_VIDEO[0]].activity(LONG_VIDEO[2], LONG_VIDEO[1]).cmid},
        "blocking_question": {"iteration": iteration + 1, "session": session, "slot": slot, "item": item},
        "early_cohort": {"cohort": groups.name[early_group(p.seed, groups.flipped, groups.size)]},
        "failed_logins": {"iteration": LOCKED_ITERATION + 1},
    }  # fmt: skip
    return [{"problem": name, **places[name]} for name in p.problems or ()]


def _learners(world: World, planted: Planted) -> list[dict[str, object]]:
    people, gone = world.learners, left_at(world)
    twice, second = planted.two_cohorts
    return [
        {
            "number": i,
            "moodle_id": FIRST_LEARNER_ID + i,
            "email": people.people[i].email,
            "cohorts": [world.groups.name[people.group[i]]]
            + ([world.groups.name[second]] if i == twice else []),
            "ghost": bool(people.ghost[i]),
            "leaves_before_session": int(people.leaves[i]) if people.leaves[i] <= SESSIONS else None,
            "unenrolled_at": int(gone[i]) if gone[i] >= 0 else None,
            "summative_points": None
            if np.isnan(people.summative_points[i])
            else float(people.summative_points[i]),
            "levels": [[int(v) for v in people.level[i, s, :3]] for s in range(SESSIONS)]
            if world.groups.flipped[people.group[i]]
            else None,
        }
        for i in range(people.n)
    ]


def _planted(world: World, planted: Planted) -> dict[str, object]:
    named = asdict(planted)
    named["two_cohorts"] = planted.two_cohorts[0]
    named["missing_sheets"] = [[world.groups.name[g], s] for g, s in planted.missing_sheets]
    if world.parameters.has("long_video"):
        named["long_video"] = {"iteration": LONG_VIDEO[0] + 1, "session": LONG_VIDEO[1], "minutes": 28}
    if world.parameters.well:
        named["problems"] = problems_of(world)
    named["ghosts"] = np.flatnonzero(world.learners.ghost).tolist()
    named["withdrawn"] = np.flatnonzero(world.learners.withdrawn).tolist()
    vanished = (world.learners.leaves <= SESSIONS) & ~world.learners.withdrawn & ~world.learners.ghost
    named["vanished"] = np.flatnonzero(vanished).tolist()
    named["late"] = np.argwhere(world.learners.late > 0)[:, 0].tolist()
    named["staff"] = [
        {"email": person.email, "moodle_id": FIRST_STAFF_ID + k if k < len(staff()) - 1 else ADMIN_ID}
        for k, person in enumerate(staff())
    ]
    return named


def _short(value: float) -> float:
    return round(float(value), 6)
