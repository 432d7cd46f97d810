"""Every threshold flipstats uses, with its unit, in one place.

A study may change any of them in ``[thresholds]`` of `study.toml`; every report prints the ones it used.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields


def _threshold(default: float | int, unit: str):
    return field(default=default, metadata={"unit": unit})


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The thresholds of one study; the unit of each is in its field's metadata.

    Examples
    --------
    >>> DEFAULTS.early_days, unit_of("early_days")
    (14, 'days')
    """

    # Preparation
    early_days: int = _threshold(14, "days")  # a consultation further ahead of the session is "early"
    late_days: int = _threshold(7, "days")  # how long after the session preparation still counts as late
    substantial_share: float = _threshold(0.5, "share of content")
    completed_share: float = _threshold(0.95, "share of content")  # players rarely report exactly 1
    dwell_s: int = _threshold(30, "seconds")  # "substantial" for content without a length
    near_days: int = _threshold(5, "days")  # "a few days" between preparation and session
    lead_hour_h: float = _threshold(1, "hours")  # bands of lead time: under this …
    lead_day_h: float = _threshold(24, "hours")  # … under this, then under …
    lead_days: int = _threshold(3, "days")  # … so many local days …
    lead_week_days: int = _threshold(7, "days")  # … so many, up to early_days, early
    idle_gap_min: float = _threshold(10, "minutes")  # longer without a trace: another occasion
    long_resource_min: float = _threshold(10, "minutes")  # flagged: longer than this …
    too_long_resource_min: float = _threshold(15, "minutes")  # … and than this
    relation_resources: int = _threshold(8, "resources")  # from here on length is related to reach
    # Start-of-session assessments
    start_before_min: int = _threshold(10, "minutes")
    start_after_min: int = _threshold(30, "minutes")
    # Items of quizzes
    blocking_score: float = _threshold(0.5, "score 0-1")  # below it an attempt at an item failed
    blocking_attempts: int = _threshold(10, "first attempts")  # from here on an item may be flagged
    blocking_share: float = _threshold(0.40, "share of first attempts")  # flagged: surely above it
    # After the session
    consolidation_days: int = _threshold(14, "days")  # going on counts up to so many local days after it
    # Access
    access_retry_min: float = _threshold(30, "minutes")  # getting in by then: the password was mistyped
    abandonment_days: int = _threshold(14, "days")  # so long without preparation after a failure
    # Regularity
    regularity_sessions: int = _threshold(3, "sessions")  # prepared by a learner, to compare them
    # Feedback
    top_two_scale_from: float = _threshold(3, "points")  # "the best two" of scales from so many boxes …
    top_two_scale_to: float = _threshold(11, "points")  # … to so many: a percentage has no boxes
    # After the programme
    delayed_days: int = _threshold(14, "days")  # between the test at the end and the delayed one, at least
    # Uncertainty and small groups
    confidence_level: float = _threshold(0.95, "probability")
    bootstrap_draws: int = _threshold(2000, "draws")
    min_groups_for_clustering: int = _threshold(10, "groups")  # from here on intervals respect the groups
    coverage_bounds_below: float = _threshold(0.8, "share of cells")  # below it, bounds are given too
    smallest_cell: int = _threshold(5, "learners")
    # What to change next: a share surely above its threshold is a finding
    unopened_share: float = _threshold(0.50, "share of learners")  # did not open it before the session
    abandoned_share: float = _threshold(0.33, "share of those who opened")  # left before the half
    too_early_share: float = _threshold(0.50, "share of those who prepared")  # all done before near_days
    last_minute_share: float = _threshold(0.33, "share of those who prepared")  # within lead_hour_h
    after_start_share: float = _threshold(0.25, "share of learners")  # first look once it had started
    unprepared_share: float = _threshold(0.40, "share of learners")  # came with nothing prepared
    off_hours_load: float = _threshold(0.50, "share of active minutes")  # outside working time
    access_failure_share: float = _threshold(0.10, "share of learners")  # could not get in
    absent_share: float = _threshold(0.30, "share of minutes owed")
    theme_share: float = _threshold(0.20, "share of respondents")  # say the same thing
    theme_respondents: int = _threshold(20, "respondents")  # with fewer, no themes are looked for
    themes_most: int = _threshold(8, "themes")
    theme_stability: float = _threshold(0.85, "mean cosine")  # of factors found again in half-samples
    theme_weight: float = _threshold(0.5, "share of a comment")  # that one theme must have of it
    diagnosis_learners: int = _threshold(8, "learners")  # a group of fewer is not ranked
    diagnosis_error: float = _threshold(0.05, "probability")  # of one false alarm or more, at most
    severity_marked: float = _threshold(0.25, "share of the room above a threshold")
    severity_severe: float = _threshold(0.50, "share of the room above a threshold")
    # Completion
    pass_mark: float = _threshold(0.5, "score 0-1")
    dropout_last_share: float = _threshold(0.25, "share of time")  # no trace in the last so much: gone
    # Comparison of arms
    min_groups_per_arm: int = _threshold(3, "groups")  # fewer: refused, not established
    reml_from_groups: int = _threshold(10, "groups per arm")
    smallest_effect_g: float = _threshold(0.20, "standard deviations")
    smallest_effect_completion: float = _threshold(0.05, "share")
    baseline_equivalent_g: float = _threshold(0.05, "standard deviations")
    baseline_adjustable_g: float = _threshold(0.25, "standard deviations")
    min_learners_per_band: int = _threshold(10, "learners per arm")
    tests_power: float = _threshold(0.80, "probability")
    planning_icc: float = _threshold(0.10, "share of variance")  # at least, when planning numbers of groups


DEFAULTS = Thresholds()
CONFIDENCE_LEVEL = DEFAULTS.confidence_level
BOOTSTRAP_SEED = 20_240_318  # fixed: the same study gives the same interval, today and next year

# Effect of flipped learning in the literature, shown beside an effect and never as a target.
# Låg & Sæle 2019, doi 10.1177/2332858419870489, well-powered studies only (k = 90).
LITERATURE_G = (0.24, 0.18, 0.31)
LITERATURE_USUAL_RANGE = (0.19, 0.50)


def unit_of(name: str) -> str:
    """Return the unit of a threshold, e.g. ``"days"``.

    Raises
    ------
    KeyError
        No threshold has that name.
    """
    return {f.name: f.metadata["unit"] for f in fields(Thresholds)}[name]
