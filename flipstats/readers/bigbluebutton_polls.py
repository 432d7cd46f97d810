"""Polls of a BigBlueButton meeting: scores where a poll has a right option, else answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field

import polars as pl

from flipstats.readers.presence import Stay
from flipstats.schema import TIME

_FEEDBACK = {
    "person": pl.String, "meeting": pl.String, "phase": pl.String, "item": pl.String, "comment": pl.String,
    "at": TIME, "record": pl.Int64,
}  # fmt: skip
_ATTEMPTS = {
    "person": pl.String, "assessment": pl.String, "item_id": pl.String, "attempt": pl.Int64,
    "score": pl.Float64, "raw_score": pl.Float64, "maximum": pl.Float64, "missing_reason": pl.String,
    "started_at": TIME, "submitted_at": TIME, "record": pl.Int64,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Poll:
    """One poll; ``right`` is its right option, None where it asks for an opinion."""

    record: int
    position: int
    title: str
    at: dt.datetime | None = None
    right: str | None = None
    anonymous: tuple[str, ...] = ()


@dataclass(slots=True)
class Voter:
    """Somebody in the meeting, with the options chosen in each poll, by the poll's key."""

    record: int
    person: str
    answers: dict[str, list[str]] = field(default_factory=dict)
    stays: list[Stay] = field(default_factory=list)

    def asked(self, key: str, poll: Poll) -> bool:
        """Return whether a poll was put while this person was there, or answered anyhow."""
        there = (s.joined is not None and s.left is not None and s.joined <= poll.at <= s.left
                 for s in self.stays) if poll.at else [True]  # fmt: skip
        return key in self.answers or any(there)


def attempts(voters: Iterable[Voter], polls: dict[str, Poll], assessment: str) -> pl.DataFrame:
    """Return one row for each person who answered a quiz poll, then one for each quiz poll they were asked.

    The whole is the share answered right of those asked. As BigBlueButton counts it, an answer is right where
    the right option is among those chosen.
    """
    quiz = {key: poll for key, poll in polls.items() if poll.right is not None}
    rows = []
    for voter in voters:
        asked = {key: poll for key, poll in quiz.items() if voter.asked(key, poll)}
        chosen = [key for key in asked if key in voter.answers]
        if not chosen:
            continue
        points = {key: float(asked[key].right in voter.answers[key]) for key in chosen}
        times = sorted(asked[key].at for key in chosen if asked[key].at)
        first, last = (times[0], times[-1]) if times else (None, None)
        total, most = sum(points.values()), float(len(asked))
        rows.append((voter.person, assessment, None, 1, total / most, total, most, None, first, last,
                     voter.record))  # fmt: skip
        for key, poll in asked.items():
            point, reason = points.get(key), None if key in points else "no_attempt"
            rows.append((voter.person, assessment, str(poll.position), 1, point, point, 1.0, reason, poll.at,
                         poll.at, voter.record))  # fmt: skip
    return pl.DataFrame(rows, schema=_ATTEMPTS, orient="row")


def feedback(voters: Iterable[Voter], polls: dict[str, Poll], meeting: str) -> pl.DataFrame:
    """Return the answers that no right option judges, and the anonymous ones, whose person is null."""
    rows = []
    for voter in voters:
        for key, options in voter.answers.items():
            poll = polls.get(key)
            if poll is not None and poll.right is None:
                answer = ", ".join(options)
                rows.append((voter.person, meeting, "in", poll.title, answer, poll.at, voter.record))
    for poll in polls.values():
        rows += [(None, meeting, "in", poll.title, each, poll.at, poll.record) for each in poll.anonymous]
    return pl.DataFrame(rows, schema=_FEEDBACK, orient="row")
