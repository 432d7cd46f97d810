"""The synthetic programme: what it says is true is what large draws show."""

from __future__ import annotations

from collections import Counter

import numpy as np

from flipstats.sample import truth as telling
from flipstats.sample.names import ascii_of
from flipstats.sample.parameters import Parameters, checked
from flipstats.sample.world import draw


def far(empirical: float, true: float, sd: float, n: int) -> float:
    return (empirical - true) / (sd / n**0.5)


def distances(seed: int) -> list[float]:
    """How many standard errors lie between what large groups show and the true values, cell by cell."""
    world = draw(Parameters(learners=24_000, group_size=3_000, seed=seed))
    people, out = world.learners, []
    for row in telling._sessions(world):
        ever, s = people.group == world.groups.name.index(row["cohort"]), row["session"] - 1
        still = ~(people.withdrawn & (people.leaves <= s + 1))
        out.append(far(still[ever].mean(), row["still_enrolled"], still[ever].std() or 1.0, int(ever.sum())))
        who = ever & still
        n, shown = int(who.sum()), {"present": people.present[who, s]}
        if row["arm"] == "flipped":
            level = people.level[who, s, :3]
            for depth, name in enumerate(telling.LEVELS, 1):
                shown[f"prepared_all_{name}"] = (level >= depth).all(axis=1)
                shown[f"prepared_any_{name}"] = (level >= depth).any(axis=1)
                mean = (level >= depth).mean(axis=1)
                out.append(far(mean.mean(), row[f"consultation_{name}"], mean.std(), n))
            shown["late"] = people.late[who, s] > 0
            lead = (world.groups.starts[people.group[who], s] - people.sitting[who, s])[
                (level > 0).any(axis=1)
            ]
            out.append(far((lead <= 120.4 * 3600).mean(), row["lead_within_5d"], 0.3, len(lead)))
        for name, values in shown.items():
            out.append(far(values.mean(), row[name], (row[name] * (1 - row[name])) ** 0.5, n))
        items = people.start_items[who, s]
        score = items[items >= 0] / 10
        out.append(far(score.mean(), row["start_score"], score.std(), len(score)))
    for row in telling._cohorts(world):
        who = people.group == world.groups.name.index(row["cohort"])
        passed, n = people.summative_points[who] >= 10, int(who.sum())
        out.append(far(passed.mean(), row["completion"], passed.std(), n))
        score = people.summative_points[who]
        score = score[~np.isnan(score)] / 20
        out.append(far(score.mean(), row["summative_share"], score.std(), len(score)))
    return out


def test_true_values_are_what_large_groups_show():
    z = np.concatenate([distances(seed) for seed in (1, 2, 3)])
    assert np.abs(z).max() < 4.8
    assert abs(np.sqrt((z**2).mean()) - 1) < 0.1
    assert abs(z.mean()) < 0.15


def test_true_effects_are_what_many_programmes_show():
    adjusted, raw, completion = [], [], []
    for seed in range(60):
        world = draw(Parameters(learners=1_600, group_size=10, seed=seed))
        people, groups = world.learners, world.groups
        took = people.takes_summative
        flipped = groups.flipped[people.group]
        X = np.column_stack([np.ones(took.sum()), flipped[took], people.baseline[took]])
        score = people.summative_points[took]
        adjusted.append(np.linalg.lstsq(X, score, rcond=None)[0][1])
        raw.append(score[flipped[took]].mean() - score[~flipped[took]].mean())
        passed = people.summative_points >= 10
        completion.append(passed[flipped].mean() - passed[~flipped].mean())
    true = telling.comparison(Parameters())
    for found, value in (
        (adjusted, true["summative"]["effect"]),
        (raw, true["summative"]["unadjusted"]),
        (completion, true["completion"]["unadjusted"]),
    ):
        assert abs(np.mean(found) - value) < 3.5 * np.std(found) / len(found) ** 0.5
    # Who does not take the baseline into account believes in an effect that is too large.
    assert true["summative"]["unadjusted"] > 1.15 * true["summative"]["effect"]


def test_scores_vary_between_groups_as_much_as_said():
    shares = []
    for seed in range(40):
        p = Parameters(
            learners=1_600, group_size=20, seed=seed, effect=0.0, baseline_gap=0.0, dropout_baseline=0
        )
        world = draw(p)
        took = world.learners.takes_summative
        group, score = world.learners.group[took], world.learners.summative_points[took]
        n = np.bincount(group)
        means = np.bincount(group, score) / n
        within = (score - means[group]) ** 2
        inside = within.sum() / (len(score) - len(n))
        size = (len(score) - (n**2).sum() / len(score)) / (len(n) - 1)
        among = (n * (means - score.mean()) ** 2).sum() / (len(n) - 1)
        between = (among - inside) / size
        shares.append(between / (between + inside))
    assert abs(np.mean(shares) - 0.10) < 3.5 * np.std(shares) / len(shares) ** 0.5


def test_a_null_programme_has_no_effect():
    true = telling.comparison(checked(Parameters(), null=True))
    assert true["summative"]["effect"] == true["summative"]["effect_g"] == true["completion"]["effect"] == 0
    assert true["summative"]["unadjusted"] > 0.2  # the arms still differ before


def test_nobody_shares_a_name_but_those_meant_to():
    for n in (160, 3_000, 20_000):
        world = draw(Parameters(learners=n, group_size=max(10, n // 40)))
        folded = Counter(ascii_of(person.full).lower() for person in world.learners.people)
        shared = {name for name, count in folded.items() if count > 1 and name.strip()}
        assert shared == {"marie martin", "thomas bernard"}
