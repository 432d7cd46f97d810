"""What is looked for: each kind of problem as one share of one indicator against one threshold."""

from __future__ import annotations

from dataclasses import dataclass

# What a target is, and by what columns its indicator is asked.
TARGETS: dict[str, tuple[str, ...]] = {
    "iteration": ("iteration",),
    "cohort": ("cohort_id",),
    "step": ("arm", "iteration", "sequence"),  # one session of the programme, in all its cohorts
    "session": ("session_id",),
    "resource": ("resource_id",),
    "item": ("iteration", "role", "sequence", "assessment", "item_id"),
    "theme": ("theme",),
}
GRADES = ("alarm", "sign", "watch", "below", "too_small")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem.

    Attributes
    ----------
    key : str
        Its name; its texts are ``diagnostics.<key>_…``.
    metric, statistic : str
        The rows that tell it; a share.
    threshold : str
        The name in `conventions.Thresholds` the share is held against.
    targets : tuple of str
        Names of `TARGETS`, the widest first.
    source : str
        Who asks for it: ED, ES, PA, MN, LD, as the indicators cite them.
    failing : bool
        Whether the share counts what went wrong; else what went well, and its complement is taken.
    depth : str or None
        The depth asked: a level, ``"prepared"`` for the one at which "came prepared" is told, None for none.
    """

    key: str
    metric: str
    statistic: str
    threshold: str
    targets: tuple[str, ...]
    source: str
    failing: bool = True
    depth: str | None = None


KINDS: dict[str, Kind] = {
    kind.key: kind
    for kind in (
        Kind(
            "unopened", "consultation_rate", "rate", "unopened_share", ("resource",), "PA",
            failing=False, depth="opened",
        ),
        Kind(
            "unprepared", "prepared_rate", "any", "unprepared_share", ("cohort", "step", "session"), "ED",
            failing=False, depth="prepared",
        ),
        Kind("too_long", "resource_reach", "retention_50", "abandoned_share", ("resource",), "ED",
             failing=False),
        Kind("abandoned", "resource_reach", "retention_50", "abandoned_share", ("resource",), "PA",
             failing=False),
        Kind("too_early", "lead_time", "share_near", "too_early_share", ("cohort", "step", "session"), "ES",
             failing=False, depth="opened"),
        Kind("last_minute", "lead_time", "share_last_hour", "last_minute_share",
             ("cohort", "step", "session"), "PA", depth="opened"),
        Kind("after_start", "late_preparation_rate", "rate", "after_start_share",
             ("cohort", "step", "session"), "PA"),
        Kind("blocking", "blocking_points", "rate", "blocking_share", ("item",), "PA"),
        Kind("access", "access_failure_rate", "rate", "access_failure_share", ("iteration", "cohort"), "LD"),
        Kind("off_hours", "off_hours_share", "rate", "off_hours_load", ("cohort",), "LD"),
        Kind("feedback", "feedback_themes", "share", "theme_share", ("theme",), "PA"),
        Kind("absent", "absenteeism", "rate", "absent_share", ("cohort", "step", "session"), "MN"),
    )
}  # fmt: skip
