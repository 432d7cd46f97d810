"""What a synthetic programme is drawn from."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flipstats.errors import ParameterError
from flipstats.i18n import LANGUAGES, t

SMALLEST = 40
# What may be wrong with a programme. Where problems are asked for, all else is well: nothing but these is
# planted, quizzes are passed, and people learn in working hours.
PROBLEMS = ("long_video", "blocking_question", "early_cohort", "failed_logins")
START_EASY = 1.6  # log-odds of a right answer at the start, where all is well


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a synthetic programme; units are in the comments.

    Examples
    --------
    >>> Parameters(learners=160).groups_per_cell
    4
    """

    learners: int = 160
    events: int | None = None  # rows of the two course logs together; None: what the learners do
    seed: int = 1
    language: str = "en"  # of the sheets
    problems: tuple[str, ...] | None = None  # None: as exports are, with the long video of the first year
    group_size: int = 10  # learners, on average
    # Outcome of the end test, in standard deviations of the score within an arm
    effect: float = 0.35
    icc: float = 0.10
    baseline_gap: float = 0.15
    baseline_slope: float = 0.60
    baseline_icc: float = 0.05
    # Staying to the end, log-odds of dropping out
    dropout: float = -1.90
    dropout_effect: float = -0.50  # in the flipped arm
    dropout_baseline: float = -0.30
    dropout_group_sd: float = 0.30
    withdrawn_share: float = 0.40  # of those who drop out, the rest just vanish
    # Preparation, log-odds of opening a resource before the session
    opening: float = 1.70
    opening_group_sd: float = 0.40
    opening_learner_sd: float = 1.10
    opening_baseline: float = 0.30  # correlation of a learner's diligence with the positioning test
    opening_trend: float = -0.15  # by session
    late: float = 0.35  # chance to look during or after the session, for who opened nothing before
    late_during: float = 0.40  # of these, during
    early: float = 0.06  # chance to prepare more than 14 days ahead where there is time
    lead_median_h: float = 36.0
    lead_shape: float = 1.5
    # Start-of-session quiz, log-odds of a right answer
    start: float = 0.10
    start_prepared: float = 0.90  # between nothing prepared and all
    start_baseline: float = 0.25
    start_group_sd: float = 0.20
    # Shares
    ghosts: float = 0.03
    attends: float = 0.92
    answers_start: float = 0.94
    takes_positioning: float = 0.95
    takes_summative: float = 0.95

    @property
    def well(self) -> bool:
        """Whether nothing is wrong but the problems asked for."""
        return self.problems is not None

    def has(self, problem: str) -> bool:
        """Return whether a problem is planted."""
        return problem == "long_video" if self.problems is None else problem in self.problems

    @property
    def groups_per_cell(self) -> int:
        """Groups in each arm of each iteration."""
        return max(2, round(self.learners / (4 * self.group_size)))

    @property
    def summative_group_sd(self) -> float:
        """Standard deviation of the group effect on the end test, the positioning test held fixed."""
        return max(0.0, self.icc - self.baseline_slope**2 * self.baseline_icc) ** 0.5

    @property
    def summative_noise_sd(self) -> float:
        """Standard deviation of what is left, so that all of it adds up to 1 within an arm."""
        return (1 - self.baseline_slope**2 - self.summative_group_sd**2) ** 0.5


# Of those who opened, who saw half; of those, who saw all. A quiz that is handed in is completed.
DEPTH = {"video_a": (0.93, 0.88), "video_b": (0.90, 0.85), "quiz": (0.92, 1.0), "page": (1.0, 1.0)}
LONG_DEPTH = (0.30, 0.10)
OPENING_SLOT = {"video_a": 0.30, "video_b": 0.0, "quiz": -0.10, "page": -0.90}
SUMMATIVE_MEAN, SUMMATIVE_SD, SUMMATIVE_MAX = 11.5, 2.7, 20.0  # conventional arm, points
BASELINE_MEAN, BASELINE_SD = 10.0, 3.0  # points of 20
PASS_POINTS = 10.0
START_ITEMS = 10


def checked(given: Parameters, *, null: bool = False) -> Parameters:
    """Return the parameters once checked, without any effect of the flip where `null`.

    Raises
    ------
    ParameterError
        A value is outside its range.
    """
    if given.learners < SMALLEST:
        raise ParameterError(t("sample.too_few_learners", least=SMALLEST, found=given.learners))
    if given.events is not None and given.events < 1:
        raise ParameterError(t("sample.too_few_events", least=1, found=given.events))
    if given.seed < 0:
        raise ParameterError(t("sample.negative_seed", found=given.seed))
    if given.group_size < 4:
        raise ParameterError(t("sample.small_groups", found=given.group_size))
    if given.language not in LANGUAGES:
        raise ParameterError(t("sample.unknown_language", known=", ".join(LANGUAGES), found=given.language))
    if not 0 <= given.icc <= 0.5:
        raise ParameterError(t("sample.icc_range", found=given.icc))
    for name in given.problems or ():
        if name not in PROBLEMS:
            raise ParameterError(t("sample.unknown_problem", known=", ".join(PROBLEMS), found=repr(name)))
    if given.well:
        given = replace(given, start=START_EASY)
    return replace(given, effect=0.0, dropout_effect=0.0) if null else given
