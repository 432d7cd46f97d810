"""Figures: what is drawn is what was given, unknown is never zero, and each can be read without it."""

from __future__ import annotations

import json
import math
import re

import figure_rows as given
import plotly.offline
import polars as pl
import pytest

from flipstats import figures
from flipstats.errors import ParameterError
from flipstats.figures import theme
from flipstats.i18n import catalogue, in_language

TREATED = "flipped"


def heatmap(rows: pl.DataFrame = given.CELLS) -> figures.Picture:
    return figures.preparation_heatmap(rows, sessions=given.SESSIONS, cohorts=given.COHORTS, treated=TREATED)


PICTURES = {
    "heatmap": heatmap,
    "by_session": lambda: figures.preparation_by_session(given.BY_SESSION, treated=TREATED),
    "start": lambda: figures.start_scores(given.SCORES, treated=TREATED),
    "lead": lambda: figures.lead_time_bands(given.BANDS, median_days=1.6, unprepared=0.22),
    "completion": lambda: figures.completion_by_arm(given.ARMS, given.GROUPS, treated=TREATED),
    "means": lambda: figures.group_means(given.GROUPS, given.ARMS, treated=TREATED, outcome="Final test"),
    "multiples": lambda: figures.small_multiples(given.PANELS, treated=TREATED, statistic="all"),
    "timeline": lambda: figures.learner_timeline(given.DAYS, sessions=given.ALONG, presence=given.PRESENCE),
    "reach": lambda: figures.resource_reach(given.REACH),
    "retention": lambda: figures.retention_curve(given.RETAINED),
    "forest": lambda: figures.forest(given.EFFECTS, smallest=0.2, treated=TREATED, control="conventional"),
}


def trace(picture: figures.Picture, **wanted: object) -> dict:
    """The one trace of a figure with these properties."""
    found = [
        one
        for one in json.loads(picture.figure.to_json())["data"]
        if all(one.get(k) == v for k, v in wanted.items())
    ]
    assert len(found) == 1, wanted
    return found[0]


# -------------------------------------------------------------------------------------- every figure


@pytest.mark.parametrize("lang", ["en", "fr"])
@pytest.mark.parametrize("name", PICTURES)
def test_a_figure_comes_with_its_words_and_its_numbers(name: str, lang: str) -> None:
    with in_language(lang):
        picture = PICTURES[name]()
    for words in (picture.title, picture.caption, picture.alt):
        assert words.strip() == words != ""
        assert "{" not in words
        assert "None" not in words
    assert picture.table.height > 0
    assert all(dtype == pl.String for dtype in picture.table.dtypes)
    assert picture.figure.layout.title.text is None, "the title stands in the page, not in the figure"
    assert picture.figure.layout.separators == {"en": ".,", "fr": ",\u202f"}[lang]


@pytest.mark.parametrize("name", PICTURES)
def test_french_numbers_have_a_comma_and_a_space_before_the_percent_sign(name: str) -> None:
    with in_language("fr"):
        picture = PICTURES[name]()
    said = [picture.caption, picture.alt, *(str(v) for row in picture.table.rows() for v in row)]
    said.append(picture.figure.to_json())
    for text in said:
        for i in (i for i, sign in enumerate(text) if sign == "%" and text[i - 1 : i + 2] != "{%"):
            if text[i : i + 2] != "%{":  # plotly's own placeholders
                assert text[i - 1] == "\xa0" or text[i - 6 : i] == "\\u00a0", text[i - 20 : i + 3]


@pytest.mark.parametrize("name", PICTURES)
def test_paper_is_transparent_and_dark_changes_every_colour_of_the_palette(name: str) -> None:
    figure = PICTURES[name]().figure
    assert figure.layout.template.layout.paper_bgcolor == "rgba(0,0,0,0)"
    dark = json.loads(figures.themed(figure, "dark").to_json())
    drawn = json.dumps({"data": dark["data"], "layout": {**dark["layout"], "template": None}})
    assert not [colour for colour in figures.dark_of() if colour in drawn]
    assert dark["layout"]["template"]["layout"]["font"]["color"] == theme.DARK["ink"]


@pytest.mark.parametrize("name", ["heatmap", "means", "completion", "multiples", "reach", "retention"])
def test_names_from_the_data_never_bring_markup(name: str) -> None:
    drawn = PICTURES[name]().figure.to_json()
    assert "script" in drawn
    assert "<script" not in drawn
    assert "\\u003cscript" not in drawn
    assert "<b>co" not in drawn


# ------------------------------------------------------------------------------------------- heatmap


def test_unknown_cells_are_hatched_and_worded_and_never_coloured_as_zero() -> None:
    picture = heatmap()
    bars = [one for one in json.loads(picture.figure.to_json())["data"] if one["type"] == "bar"]
    coloured = next(one for one in bars if one["marker"].get("coloraxis"))
    hatched = next(one for one in bars if "pattern" in one["marker"])
    hidden = next(one for one in bars if one is not coloured and one is not hatched)
    assert coloured["marker"]["color"] == [0.8, 0.0, 0.5]
    assert len(hatched["y"]) == 2
    assert len(hidden["y"]) == 1
    words = [one["text"] for one in json.loads(picture.figure.to_json())["data"] if one.get("mode") == "text"]
    assert ["unknown"] * 2 in words
    assert ["hidden"] in words
    assert ["<b>80</b>", "<b>0</b>", "<b>50</b>*"] in words
    assert ["70–90", "0–16", "40–60"] in words


def test_a_line_with_nothing_to_prepare_is_left_out_and_named() -> None:
    picture = heatmap()
    assert picture.caption.endswith("Nothing had to be prepared, so not drawn: Groupe C.")
    assert "Groupe C" not in picture.figure.to_json()


def test_many_lines_left_out_are_counted() -> None:
    from flipstats.figures.picture import left_out

    assert left_out(["A", "B", "C"]) == "Nothing had to be prepared, so not drawn: A, B and C."
    assert left_out(["A", "B", "C", "D"]) == "Nothing had to be prepared, so not drawn: 4 groups."


def test_the_treated_arm_comes_first_then_iterations() -> None:
    picture = heatmap(given.CELLS.reverse())
    names = picture.table["Group"].unique(maintain_order=True).to_list()
    assert names == ["Groupe A", given.HOSTILE]


def test_neighbouring_unknown_cells_share_one_word() -> None:
    from flipstats.figures.heatmap import _runs

    assert _runs([(0, 3), (0, 1), (0, 2), (1, 0), (1, 2)]) == [(0, 1, 3), (1, 0, 0), (1, 2, 2)]


# --------------------------------------------------------------------------------- dots and intervals


def test_whiskers_reach_exactly_from_low_to_high() -> None:
    series = trace(PICTURES["by_session"](), name="flipped")
    assert series["y"] == [0.8, 0.6]
    assert [y + up for y, up in zip(series["y"], series["error_y"]["array"], strict=True)] == pytest.approx(
        [0.9, 0.7]
    )
    assert [
        y - down for y, down in zip(series["y"], series["error_y"]["arrayminus"], strict=True)
    ] == pytest.approx([0.7, 0.5])


def test_a_session_nobody_knows_is_a_hatched_band_not_a_dot() -> None:
    picture = PICTURES["by_session"]()
    band = trace(picture, type="bar")
    assert band["text"] == ["unknown"]
    assert band["marker"]["pattern"]["shape"] == "/"
    assert "unknown, which is not zero" in picture.caption


def test_arms_keep_their_colour_whatever_the_order_of_rows() -> None:
    for rows in (given.SCORES, given.SCORES.reverse()):
        picture = figures.start_scores(rows, treated=TREATED)
        assert trace(picture, name="flipped")["marker"]["color"] == theme.LIGHT["blue"]
        assert trace(picture, name="conventional")["marker"]["symbol"] == "diamond"


def test_no_interval_is_drawn_as_none_and_said() -> None:
    bare = given.ARMS.with_columns(
        pl.lit(None, pl.Float64).alias("low"), pl.lit(None, pl.Float64).alias("high")
    )
    picture = figures.group_means(given.GROUPS, bare, treated=TREATED, outcome="Final test")
    assert picture.caption.endswith("No interval can be given here.")
    assert picture.table["Interval"].unique().to_list() == ["–"]


def test_forest_shows_the_smallest_effect_and_the_literature() -> None:
    picture = PICTURES["forest"]()
    shapes = [(s.type, s.x0, s.x1) for s in picture.figure.layout.shapes]
    assert ("rect", -0.2, 0.2) in shapes
    assert ("rect", 0.18, 0.31) in shapes
    low, high = picture.figure.layout.xaxis.range
    assert low == -high
    assert low < -0.2 < 1.0 < high
    assert "none on adult corporate training was found" in picture.caption


def test_forest_of_shares_is_in_points_and_has_no_literature() -> None:
    picture = figures.forest(
        given.EFFECTS, smallest=0.05, unit="share", treated=TREATED, control="conventional"
    )
    assert picture.table["Difference"].to_list() == ["+41", "+38"]
    assert "literature" not in picture.figure.to_json()


def test_an_effect_without_a_number_is_worded() -> None:
    rows = given.EFFECTS.with_columns(pl.lit(None, pl.Float64).alias(c) for c in ("value", "low", "high"))
    picture = figures.forest(rows, smallest=0.2, treated=TREATED, control="conventional")
    assert "not computable" in picture.figure.to_json()
    assert picture.table["Difference"].to_list() == ["–", "–"]


def test_those_who_did_not_prepare_are_said_and_not_drawn() -> None:
    picture = PICTURES["lead"]()
    assert "Apart, and not drawn: 22% did not prepare." in picture.caption
    assert trace(picture, type="bar")["y"] == [0.1, 0.6, 0.3]


# -------------------------------------------------------------------------------------------- refusals


def test_missing_columns_are_named() -> None:
    with pytest.raises(ParameterError) as refused:
        figures.preparation_by_session(pl.DataFrame({"arm": ["a"], "value": [0.1]}))
    assert str(refused.value) == (
        "figure preparation_by_session: the rows lack sequence, low, high, n, reason, coverage; "
        "they have arm, value"
    )


def test_two_depths_in_one_figure_are_refused() -> None:
    mixed = pl.concat([given.CELLS, given.CELLS.with_columns(pl.lit("completed").alias("depth"))])
    with pytest.raises(ParameterError) as refused:
        heatmap(mixed)
    assert str(refused.value) == (
        "one figure shows one depth, and the rows have several (completed, opened); keep one of them first"
    )


# --------------------------------------------------------------------------------------------- palette


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


PAPER = {"light": "#FFFFFF", "dark": "#171E26"}


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_marks_have_three_to_one_and_words_four_and_a_half_to_one(mode: str) -> None:
    colours = {"light": theme.LIGHT, "dark": theme.DARK}[mode]
    for name in theme.SERIES:
        assert contrast(colours[name], PAPER[mode]) >= 3, name
    for name in ("ink", "muted"):
        assert contrast(colours[name], PAPER[mode]) >= 4.5, name
    for step in theme.RAMP[mode]:
        assert contrast(colours["ink"], step) >= 4.5, "a number is read on every step of the ramp"


# Viénot, Brettel and Mollon 1999: what the two common kinds of colour blindness leave of linear RGB.
BLIND = {
    "protanopia": ((0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0)),
    "deuteranopia": ((0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0)),
}


@pytest.mark.parametrize("kind", BLIND)
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_two_arms_are_told_apart_by_the_colour_blind(kind: str, mode: str) -> None:
    colours = {"light": theme.LIGHT, "dark": theme.DARK}[mode]
    seen = []
    for name in ("blue", "orange"):
        linear = [(int(colours[name][i : i + 2], 16) / 255) ** 2.2 for i in (1, 3, 5)]
        mixed = [sum(m * c for m, c in zip(line, linear, strict=True)) for line in BLIND[kind]]
        seen.append([max(c, 0) ** (1 / 2.2) for c in mixed])
    assert math.dist(*seen) > 0.3


def test_the_palette_has_no_colour_twice() -> None:
    assert len(set(theme.LIGHT.values())) == len(theme.LIGHT), (
        "dark_of needs one dark colour for each light one"
    )


# ------------------------------------------------------------------------------------------ what ships


def test_the_shipped_plotly_js_is_the_one_plotly_expects() -> None:
    from flipstats.display import ASSETS

    head = (ASSETS / "plotly-cartesian.min.js").read_text(encoding="utf-8")[:200]
    assert f"v{plotly.offline.get_plotlyjs_version()}\n" in head
    assert "MIT License" in (ASSETS / "plotly-cartesian.LICENSE.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("area", ["evidence", "figures", "hours", "manager", "page", "report"])
def test_french_signs_have_their_non_breaking_space(area: str) -> None:
    texts = {key: text for key, text in catalogue("fr").items() if key.startswith(area + ".")}
    said = [form for text in texts.values() for form in (text.values() if isinstance(text, dict) else [text])]
    assert not [text for text in said if re.search(r"(?<=\w) [:;?!»]", text)]
