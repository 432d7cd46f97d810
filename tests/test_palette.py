"""The palette as people with a colour blindness see it: no two series are taken for one another.

Colours are seen through the matrices of Machado, Oliveira and Fernandes (2009), "A physiologically-based model
for simulation of color vision deficiency", IEEE TVCG 15, 1291-1298, table 1, at full severity, and told apart by
CIEDE2000 (Sharma, Wu and Dalal 2005), whose published pairs check the formula here.
"""

from __future__ import annotations

import math
from itertools import combinations

import pytest

from flipstats.figures import theme

SEEN = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
LEAST = 11.0  # CIEDE2000; about 2.3 is just seen side by side, and marks here differ in shape too
LEAST_FIRST_THREE = 11.5  # what most figures draw
WHITE = (0.95047, 1.0, 1.08883)


def linear(colour: str) -> list[float]:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]


def seen(colour: str, how: str) -> tuple[float, float, float]:
    """The CIELAB of a colour as it is seen."""
    red, green, blue = (
        min(1.0, max(0.0, sum(weight * part for weight, part in zip(row, linear(colour), strict=True))))
        for row in SEEN[how]
    )
    x = 0.4124564 * red + 0.3575761 * green + 0.1804375 * blue
    y = 0.2126729 * red + 0.7151522 * green + 0.0721750 * blue
    z = 0.0193339 * red + 0.1191920 * green + 0.9503041 * blue
    fx, fy, fz = (
        v ** (1 / 3) if v > 216 / 24389 else (24389 / 27 * v + 16) / 116
        for v in (x / WHITE[0], y / WHITE[1], z / WHITE[2])
    )
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def ciede2000(one: tuple[float, float, float], two: tuple[float, float, float]) -> float:
    (l1, a1, b1), (l2, a2, b2) = one, two
    c = (math.hypot(a1, b1) + math.hypot(a2, b2)) / 2
    g = 0.5 * (1 - math.sqrt(c**7 / (c**7 + 25**7)))
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = math.hypot(a1, b1), math.hypot(a2, b2)
    h1, h2 = (math.degrees(math.atan2(b, a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = h2 - h1
    if c1 * c2 == 0:
        turn = 0.0
    elif abs(turn) > 180:
        turn += 360 if turn < 0 else -360
    dl, dc = l2 - l1, c2 - c1
    dh = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn / 2))
    light, c = (l1 + l2) / 2, (c1 + c2) / 2
    h = h1 + h2
    if c1 * c2 != 0:
        h = h / 2 if abs(h1 - h2) <= 180 else (h + 360) / 2 if h < 360 else (h - 360) / 2
    t = 1 - 0.17 * math.cos(math.radians(h - 30)) + 0.24 * math.cos(math.radians(2 * h))
    t += 0.32 * math.cos(math.radians(3 * h + 6)) - 0.20 * math.cos(math.radians(4 * h - 63))
    sl = 1 + 0.015 * (light - 50) ** 2 / math.sqrt(20 + (light - 50) ** 2)
    sc, sh = 1 + 0.045 * c, 1 + 0.015 * c * t
    rt = -math.sin(math.radians(60 * math.exp(-(((h - 275) / 25) ** 2))))
    rt *= 2 * math.sqrt(c**7 / (c**7 + 25**7))
    return math.sqrt((dl / sl) ** 2 + (dc / sc) ** 2 + (dh / sh) ** 2 + rt * (dc / sc) * (dh / sh))


@pytest.mark.parametrize(
    ("one", "two", "distance"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0),
        ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((22.7233, 20.0904, -46.694), (23.0331, 14.973, -42.5619), 2.0373),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_the_distance_is_the_published_one(one: tuple, two: tuple, distance: float) -> None:
    assert ciede2000(one, two) == pytest.approx(distance, abs=5e-5)


@pytest.mark.parametrize("how", SEEN)
@pytest.mark.parametrize("palette", ["LIGHT", "DARK"])
def test_no_two_series_are_taken_for_one_another(palette: str, how: str) -> None:
    colours = getattr(theme, palette)
    apart = {
        (one, two): ciede2000(seen(colours[one], how), seen(colours[two], how))
        for one, two in combinations(theme.SERIES, 2)
    }
    close = {pair: round(distance, 1) for pair, distance in apart.items() if distance < LEAST}
    assert not close
    first = {pair: round(apart[pair], 1) for pair in combinations(theme.SERIES[:3], 2)}
    assert min(first.values()) >= LEAST_FIRST_THREE, first


@pytest.mark.parametrize("palette", ["LIGHT", "DARK"])
def test_every_series_stands_out_from_the_paper(palette: str) -> None:
    """WCAG 2.2, 1.4.11: three to one for what has to be seen; the names written in its colour ask for more."""
    paper = {"LIGHT": "#FFFFFF", "DARK": "#171E26"}[palette]

    def light(colour: str) -> float:
        return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear(colour), strict=True))

    for name in theme.SERIES:
        bright, dim = sorted((light(getattr(theme, palette)[name]), light(paper)), reverse=True)
        assert (bright + 0.05) / (dim + 0.05) >= 3.0, name


def test_series_differ_in_their_mark_too() -> None:
    assert len(set(theme.SYMBOLS)) == len(theme.SYMBOLS) >= len(theme.SERIES)
