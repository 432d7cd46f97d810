"""Write the report of the video platform: one line a viewer and video, times in UTC."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np

from flipstats.sample.actions import Watching
from flipstats.sample.programme import Course
from flipstats.sample.world import World

HEADER = "Viewer e-mail;Video;Last viewed (UTC);Watched (%);Watched (s);Length (s)"


def write_videos(world: World, course: Course, watching: Watching, folder: Path) -> str:
    """Write who watched how much of which video of a course."""
    name = f"video_{course.short}.csv"
    films = {a.cmid: a for of in world.courses for a in of.activities if a.minutes}
    rows = [HEADER]
    kept = np.flatnonzero(world.iteration[watching.learner] == course.iteration)
    for k in kept[np.argsort(watching.at[kept], kind="stable")].tolist():
        film = films[int(watching.cmid[k])]
        when = dt.datetime.fromtimestamp(int(watching.at[k]), dt.UTC)
        cells = (
            world.learners.people[watching.learner[k]].email,
            film.title,
            f"{when:%Y-%m-%d %H:%M:%S}",
            str(watching.percent[k]),
            str(watching.seconds[k]),
            str(film.minutes * 60),
        )
        rows.append(";".join(cells))
    (folder / name).write_text("\n".join(rows) + "\n", encoding="utf-8", newline="")
    return name
