"""The figures of the bench: panels, timelines, resources; and figures as files."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import struct
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import figure_rows as given
import polars as pl
import pytest

from flipstats import display, figures
from flipstats.errors import FlipstatsError, ParameterError
from flipstats.figures import multiples, reach, theme, timeline
from flipstats.i18n import in_language
from flipstats.report.pictures import pictures_of, write_pictures

LEARNERS = timeline.MOST + 3


def traces(picture: figures.Picture) -> list[dict]:
    return json.loads(picture.figure.to_json())["data"]


def test_panels_share_one_scale_and_say_what_is_not_drawn() -> None:
    picture = figures.small_multiples(given.PANELS, treated="flipped", statistic="all")
    layout = json.loads(picture.figure.to_json())["layout"]
    assert layout["yaxis"]["range"] == layout["yaxis2"]["range"]
    assert "yaxis3" not in layout
    dots = [one for one in traces(picture) if one.get("mode") == "markers+lines"]
    assert [one["y"] for one in dots] == [[0.8, 0.6], [0.0, 0.4, 0.9]]
    middle = [one["y"] for one in traces(picture) if one.get("mode") == "lines"]
    assert middle[0] == middle[1] == pytest.approx([0.4, 0.5, 0.9])
    hatched = next(one for one in traces(picture) if one["type"] == "bar")
    assert hatched["x"] == [2]
    assert picture.caption.endswith("Nothing had to be prepared, so not drawn: Groupe C.")
    assert picture.table.height == 6


def test_one_panel_alone_has_no_mean_of_all() -> None:
    alone = given.PANELS.filter(pl.col("cohort") == "Groupe A")
    picture = figures.small_multiples(alone, statistic="all")
    assert [one["x"] for one in traces(picture) if one.get("mode") == "lines"] == [[]]
    assert "Dotted" not in picture.caption


def test_many_panels_are_bounded_and_all_in_the_table() -> None:
    many = pl.concat(
        [given.PANELS.filter(pl.col("cohort") == "Groupe A").with_columns(cohort=pl.lit(f"G{i:02d}"))
         for i in range(multiples.MOST + 2)]
    )  # fmt: skip
    picture = figures.small_multiples(many, statistic="all")
    assert "2 more groups are in the table only." in picture.caption
    assert picture.table["Group"].n_unique() == multiples.MOST + 2
    assert "G25" not in picture.figure.to_json()


def test_a_timeline_draws_kinds_and_presence_apart_and_keeps_the_idle() -> None:
    picture = figures.learner_timeline(given.DAYS, sessions=given.ALONG, presence=given.PRESENCE)
    found = {one["name"]: list(zip(one["x"], one["y"], strict=True)) for one in traces(picture)}
    assert found == {
        "prepared before the session": [("2024-10-12", 1), ("2024-10-13", 2)],
        "the same, once it had begun": [("2024-10-15", 2)],
        "other work": [("2024-10-17", 1)],
        "came": [("2024-10-14", 1)],
        "did not come": [("2024-10-14", 2)],
    }
    assert picture.alt.endswith("Learners without a trace: 1.")
    assert picture.table["Learner"].to_list() == ["LIDLE", "LA", "LB"]
    with in_language("fr"):
        french = figures.learner_timeline(given.DAYS, sessions=given.ALONG, presence=given.PRESENCE)
    assert french.figure.layout.xaxis.ticktext == ("Séance 1<br>14 oct.", "Séance 2<br>28 oct.")


def test_names_of_sessions_that_lie_close_are_left_out_and_their_lines_are_not() -> None:
    days = [0, 40, 42, 100]
    sessions = pl.DataFrame(
        {"sequence": [1, 2, 3, 4], "day": [given.MONDAY + dt.timedelta(days=n) for n in days]}
    )
    picture = figures.learner_timeline(given.DAYS, sessions=sessions, presence=given.PRESENCE)
    named = [text.split("<br>")[0] for text in picture.figure.layout.xaxis.ticktext]
    assert named == ["Session 1", "Session 2", "Session 4"]
    assert len(picture.figure.layout.shapes) == 4


def test_a_timeline_of_many_is_bounded() -> None:
    days = pl.concat(
        [given.DAYS.filter(learner="LA").with_columns(learner=pl.lit(f"L{i}")) for i in range(LEARNERS)]
    )
    picture = figures.learner_timeline(days, sessions=given.ALONG, presence=given.PRESENCE)
    assert picture.table.height == timeline.MOST
    assert f"L{LEARNERS - 1}" not in picture.figure.to_json()


def test_a_resource_nobody_opened_is_drawn_and_one_nobody_can_tell_of_is_named() -> None:
    picture = figures.resource_reach(given.REACH)
    (dots,) = traces(picture)
    assert dots["x"] == [0.0, 0.4, 0.9]
    assert dots["error_x"]["array"] == pytest.approx([0.16, 0.1, 0.1])
    assert "Of 1 resource nobody can tell; it is in the table." in picture.caption
    assert picture.table["Resource"].to_list()[-1] == "Papier"
    assert "never opened: 1" in picture.alt


def test_a_retention_curve_begins_with_everybody_and_is_bounded() -> None:
    picture = figures.retention_curve(given.RETAINED)
    curves = traces(picture)
    assert [one["y"] for one in curves] == [[1.0, 0.95, 0.9, 0.9, 0.8], [1.0, 0.5, 0.2, 0.1, 0.0]]
    assert curves[0]["error_y"]["array"][0] is None
    many = pl.concat(
        [given.RETAINED.filter(resource="Capsule").with_columns(resource=pl.lit(f"R{i}"))
         for i in range(reach.MOST_CURVES + 1)]
    )  # fmt: skip
    assert "1 more resource is in the table only." in figures.retention_curve(many).caption


def test_labels_at_the_end_of_lines_stand_apart_and_inside() -> None:
    rooms = [0.1] * 5
    places = theme.apart([0.0, 0.0, 0.5, 1.0, 1.0], rooms, low=-0.02, high=1.05)
    assert all(b - a >= 0.1 - 1e-9 for a, b in pairwise(places))
    assert places[0] - 0.05 >= -0.02 - 1e-9
    assert places[-1] + 0.05 <= 1.05 + 1e-9
    assert places[2] == 0.5


# ----------------------------------------------------------------------------------------- as files


def test_a_kind_a_size_or_a_mode_there_is_not_is_refused(tmp_path: Path) -> None:
    picture = figures.resource_reach(given.REACH)
    for options, said in (
        ({"path": tmp_path / "x.gif"}, "a figure is written as .png, .svg, not as x.gif"),
        (
            {"path": tmp_path / "x.png", "width": 0},
            "a picture has at least one pixel and at most 10000 a side, its scale counted",
        ),
        (
            {"path": tmp_path / "x.png", "mode": "sepia"},
            "a figure is drawn for light, dark paper, not for 'sepia'",
        ),
    ):
        with pytest.raises(ParameterError) as refused:
            figures.save(picture, **options)
        assert str(refused.value) == said
    assert list(tmp_path.iterdir()) == []


def test_a_missing_extra_and_a_missing_browser_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = figures.resource_reach(given.REACH)
    monkeypatch.setitem(sys.modules, "kaleido", None)
    with pytest.raises(FlipstatsError) as refused:
        figures.save(picture, tmp_path / "x.png")
    assert str(refused.value) == (
        "figures as files need the extra “figures”: pip install 'flipstats[figures]'"
    )
    monkeypatch.setitem(sys.modules, "kaleido", object())
    monkeypatch.setattr("flipstats.figures.static.browser", lambda: None)
    with pytest.raises(FlipstatsError) as refused:
        figures.save(picture, tmp_path / "x.png")
    assert str(refused.value) == (
        "figures as files need the Chromium or Chrome browser on this machine, and there is none. In a report, "
        "“Save the image” below each figure needs nothing"
    )


def test_the_figures_of_a_report_are_found_again_whole() -> None:
    given_pictures = [figures.resource_reach(given.REACH), figures.retention_curve(given.RETAINED)]
    page = "".join(display.figure(picture) for picture in given_pictures) + display.notice("nothing else")
    found = pictures_of(page)
    assert [title for title, _ in found] == [picture.title for picture in given_pictures]
    for (_, figure), picture in zip(found, given_pictures, strict=True):
        assert json.loads(figure.to_json())["data"] == json.loads(picture.figure.to_json())["data"]
        assert figure.layout.template.layout.font.color == theme.LIGHT["ink"]
    assert write_pictures("<p>no figure</p>", Path("nowhere"), "stem") == []


@pytest.mark.browser
@pytest.mark.slow
def test_a_figure_is_drawn_without_any_network(tmp_path: Path) -> None:
    """In a namespace without a network where the system allows one; elsewhere the proxy is a wall."""
    pytest.importorskip("kaleido", reason="kaleido is not installed (extra: figures)")
    if figures.static.browser() is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import figure_rows as given; from flipstats import figures\n"
        "picture = figures.resource_reach(given.REACH)\n"
        "figures.save(picture, sys.argv[2] + '/x.png', width=600, height=300, scale=2)\n"
        "figures.save(picture, sys.argv[2] + '/x.svg', mode='dark')\n"
    )
    command = [sys.executable, "-c", code, str(Path(__file__).parent), str(tmp_path)]
    alone = shutil.which("unshare")
    if alone and subprocess.run([alone, "-n", "true"], capture_output=True, check=False).returncode == 0:
        command = [alone, "-n", *command]
    subprocess.run(command, check=True, timeout=240, capture_output=True)
    drawn = (tmp_path / "x.png").read_bytes()
    assert struct.unpack(">II", drawn[16:24]) == (1200, 600)
    assert len(drawn) > 8000
    vector = (tmp_path / "x.svg").read_text(encoding="utf-8")
    assert ">Who opens what: resource by resource<" in vector
    assert "Capsule" in vector
    assert theme.DARK["blue"].lower() in vector.lower() or "rgb(86, 180, 233)" in vector
    assert not re.findall(r"(?:href|src)=[\"']https?:", vector)
    assert "<script" not in vector
