"""Watched parts of a video: played segments to the seconds of their union."""

from __future__ import annotations

import math
import re

_MARK = re.compile(r"\[,\]")
_MOST = 20_000  # segments of one statement
_LONGEST = 172_800.0  # seconds; two days of video are no video


class Watched:
    """The parts of one video that one person has seen so far, as intervals that do not overlap."""

    def __init__(self) -> None:
        self.parts: list[tuple[float, float]] = []

    @property
    def seconds(self) -> float:
        """How many different seconds of the video have been seen."""
        return math.fsum(end - start for start, end in self.parts)

    def add(self, segments: list[tuple[float, float]]) -> float:
        """Add segments and return how many seconds are new.

        Examples
        --------
        >>> seen = Watched()
        >>> seen.add([(0, 59.8)]), round(seen.add([(0, 59.8), (59.8, 312.4)]), 3)
        (59.8, 252.6)
        """
        before = self.seconds
        joined: list[tuple[float, float]] = []
        for start, end in sorted([*self.parts, *segments]):
            if joined and start <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
            else:
                joined.append((start, end))
        self.parts = joined
        return max(0.0, self.seconds - before)


def segments_of(
    text: object, now: float | None = None, length: float | None = None
) -> list[tuple[float, float]]:
    """Return the played segments of the video profile; what is no segment is left out.

    Parameters
    ----------
    text : str
        ``0[.]42.6[,]43.1[.]124.7``; the last segment may be open.
    now : float, optional
        Where in the video the statement was made: the end of an open segment.
    length : float, optional
        Of the video, in seconds; nothing is seen after its end.

    Examples
    --------
    >>> segments_of("0[.]42.6[,]43.1[.]", now=50.0), segments_of("5[.]x")
    ([(0.0, 42.6), (43.1, 50.0)], [])
    """
    if not isinstance(text, str):
        return []
    last = min(length if length and length > 0 else _LONGEST, _LONGEST)
    found = []
    for segment in _MARK.split(text)[:_MOST]:
        first, _, end = segment.partition("[.]")
        start, stop = _number(first), _number(end) if end.strip() else now
        if start is not None and stop is not None and 0 <= start < min(stop, last):
            found.append((start, min(stop, last)))
    return found


def _number(text: str) -> float | None:
    text = text.strip()
    return float(text) if re.fullmatch(r"\d{1,9}(\.\d{1,20})?", text) else None
