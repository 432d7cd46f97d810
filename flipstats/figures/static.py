"""A figure as a picture file, for slides: PNG or SVG, drawn by this machine's browser without any network."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flipstats.errors import FlipstatsError, ParameterError
from flipstats.figures import theme
from flipstats.i18n import t

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from flipstats.figures.picture import Picture

KINDS = (".png", ".svg")
WIDTH, HEIGHT, SCALE = 1000, 400, 2.0  # pixels; the scale multiplies those of a PNG
_PLOTLY = Path(__file__).parents[1] / "assets" / "plotly-cartesian.min.js"
_NOWHERE = "127.0.0.1:9"  # a proxy that is none: whatever a page might ask of the outside is refused
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
_HEAD, _LINE = 46, 22  # pixels of a title, and of each line of it after the first
_LETTER = 10.5  # pixels a letter of the title takes
_SECONDS = 90
_PAPER = {"light": "#FFFFFF", "dark": "#171E26"}
_LARGEST = 10_000  # pixels a side


def browser() -> str | None:
    """Return a Chromium or a sister of it on this machine, None where there is none."""
    return next((path for name in _BROWSERS if (path := shutil.which(name))), None)


def save(
    picture: Picture,
    path: Path | str,
    *,
    width: int = WIDTH,
    height: int | None = None,
    scale: float = SCALE,
    mode: str = "light",
) -> Path:
    """Write a figure with its title as a picture file.

    Parameters
    ----------
    picture : Picture
    path : path
        The file; its ending, ``.png`` or ``.svg``, says which kind.
    width, height : int
        Pixels; without a height as much as the figure needs.
    scale : float
        How many pixels of a PNG stand for one: 2 is sharp on a projector, 3 in print.
    mode : {"light", "dark"}

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ParameterError
        Another ending, a size or a mode there is not.
    FlipstatsError
        The extra ``figures`` or a browser is missing, or the browser could not draw.
    """
    return save_all([(picture.figure, picture.title, Path(path))], width=width, height=height, scale=scale,
                    mode=mode)[0]  # fmt: skip


def save_all(
    figures: Sequence[tuple[go.Figure, str, Path]],
    *,
    width: int = WIDTH,
    height: int | None = None,
    scale: float = SCALE,
    mode: str = "light",
) -> list[Path]:
    """Write several figures, each with its title and its file, in one start of the browser; see `save`."""
    for _, _, path in figures:
        if path.suffix.lower() not in KINDS:
            raise ParameterError(t("figures_bench.save_kind", file=path.name, known=", ".join(KINDS)))
    sides = (width * scale, (height or 1) * scale)
    if not (min(sides) > 0 and max(sides) <= _LARGEST):
        raise ParameterError(t("figures_bench.save_size", largest=_LARGEST))
    if mode not in _PAPER:
        raise ParameterError(t("figures_bench.save_mode", mode=repr(mode), known=", ".join(_PAPER)))
    try:
        import kaleido
    except ImportError as error:
        raise FlipstatsError(t("figures_bench.save_no_extra")) from error
    program = browser()
    if program is None:
        raise FlipstatsError(t("figures_bench.save_no_browser"))
    jobs = [_job(figure, title, path, width, height, scale, mode) for figure, title, path in figures]
    options = {"path": program, "plotlyjs": _PLOTLY, "mathjax": False, "proxy_server": _NOWHERE}
    try:
        kaleido.write_fig_from_object_sync(jobs, kopts={**options, "timeout": _SECONDS})
    except Exception as error:
        raise FlipstatsError(
            t("figures_bench.save_failed", cause=str(error) or type(error).__name__)
        ) from error
    return [path for _, _, path in figures]


def _job(
    figure: go.Figure, title: str, path: Path, width: int, height: int | None, scale: float, mode: str
) -> dict[str, object]:
    drawn = theme.themed(figure, mode)
    words = theme.safe(title, max(20, int((width - 40) / _LETTER)), 2)
    head = _HEAD + _LINE * words.count("<br>")
    tall = height or int(drawn.layout.height or HEIGHT) + head
    below = 16 + 12 * words.count("<br>")
    margin = drawn.layout.margin
    drawn.update_layout(
        title={
            "text": f"<b>{words}</b>", "x": 20 / width, "xref": "container", "y": 1 - below / tall,
            "yref": "container", "yanchor": "top", "font": {"size": 17},
        },
        margin={"t": (margin.t or 12) + head, "l": max(margin.l or 0, 20), "r": max(margin.r or 0, 20)},
        paper_bgcolor=_PAPER[mode],
        width=width,
        height=tall,
    )  # fmt: skip
    return {
        "fig": drawn,
        "path": str(path),
        "opts": {"format": path.suffix.lower()[1:], "width": width, "height": tall, "scale": scale},
    }
