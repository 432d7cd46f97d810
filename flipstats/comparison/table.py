"""A plain table, one row a learner, as a roster; covariates of any type as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl
from polars import selectors

from flipstats.comparison.note import Note, note
from flipstats.comparison.question import Roster
from flipstats.errors import DesignError, EmptyArmError, InputError, ParameterError, SchemaError, did_you_mean
from flipstats.i18n import t

_MOST_CATEGORIES = 20
_MOST_BANDS = 8
_YES = ("1", "1.0", "true", "yes", "oui", "vrai")
_NO = ("0", "0.0", "false", "no", "non", "faux")


def read_table(file: Path) -> pl.DataFrame:
    """Read a CSV with a header, separated by commas, semicolons or tabs; ``NA`` and empty are missing.

    Raises
    ------
    InputError
        It is absent or not a CSV.
    """
    try:
        head = file.read_bytes()[:65536].decode("utf-8-sig", errors="replace").splitlines()[:1]
        mark = max(",;\t", key=(head or [""])[0].count)
        return pl.read_csv(
            file, separator=mark, infer_schema_length=None, null_values=["", "NA", "NaN"],
            decimal_comma=mark == ";",
        )  # fmt: skip
    except (OSError, UnicodeDecodeError, pl.exceptions.PolarsError):
        raise InputError(t("compare.not_a_csv", file=file.name)) from None


def roster_of_table(
    frame: pl.DataFrame,
    *,
    outcome: str,
    arm: str,
    treated: str,
    control: str,
    covariates: Sequence[str] = (),
    cluster: str | None = None,
    band: str | None = None,
    binary: bool = False,
    assignment: str = "nonrandom",
) -> Roster:
    """Turn a table of learners into a roster.

    Rows of other arms, or without an arm or (where groups count) without a group, are left out and counted.

    Raises
    ------
    SchemaError
        A column does not exist; the nearest is suggested.
    ParameterError
        The outcome is not numbers, or not yes/no where it should be; an arm value does not occur; a learner
        (column ``learner_id``, where there is one) has several rows.
    DesignError
        Groups were drawn, and one arm has none; a group has learners in both arms.
    """
    named = [outcome, arm, *covariates, *([cluster] if cluster else []), *([band] if band else [])]
    for column in named:
        known_column(frame, column)
    if outcome in covariates:
        raise ParameterError(t("compare.outcome_as_covariate", name=outcome))
    frame = frame.with_columns(selectors.float().fill_nan(None))
    kept, left = _of_two_arms(frame, arm, treated, control)
    _check_one_row_each(kept)
    sides = _sides(kept, treated, cluster)
    alone = checked_alone(sides["cluster"], sides["treated"], cluster, assignment)
    nested = alone is not None or (cluster is not None and assignment != "random_individual")
    if nested:
        sides, left["no_group"] = with_a_group(sides, alone)
        kept = kept[sides["row"]]
    unknown = pl.Series([None] * kept.height, dtype=pl.String)
    columns = {
        "treated": sides["treated"],
        "cluster": sides["cluster"],
        "started": unknown.cast(pl.Boolean),
        "outcome": _outcome(kept[outcome], binary=binary),
        "band": _labels(kept[band]) if band else unknown,
    }
    for name in covariates:
        columns |= {f"x:{key}": values for key, values in numeric_columns(kept[name]).items()}
    out = pl.DataFrame(columns)
    if nested:
        _check_nested(out)
    return Roster(out, left_out=tuple((reason, n) for reason, n in left.items() if n), alone=alone)


def _sides(kept: pl.DataFrame, treated: str, cluster: str | None) -> pl.DataFrame:
    """Return ``row, treated, cluster``, apart from columns of the table that may have the same names."""
    groups = kept[cluster].cast(pl.String) if cluster else pl.Series([None] * kept.height, dtype=pl.String)
    return pl.DataFrame({"treated": kept["_side"] == treated, "cluster": groups}).with_row_index("row")


def _check_one_row_each(kept: pl.DataFrame) -> None:
    if "learner_id" not in kept.columns:
        return
    repeated = kept["learner_id"].drop_nulls().value_counts().filter(pl.col("count") > 1)
    if repeated.height:
        raise ParameterError(t("compare.learner_repeated", n=repeated.height))


def arm_alone(clusters: pl.Series, treated: pl.Series) -> str | None:
    """Return the arm in which nobody is in a group, or each in one of their own, where the other has groups.

    Parameters
    ----------
    clusters : Series of str or null
    treated : Series of bool

    Examples
    --------
    >>> arm_alone(pl.Series(["a", "a", "b", None, None]), pl.Series([True, True, True, False, False]))
    'control'
    """
    inside = {}
    for side, of_side in (("treated", treated), ("control", ~treated)):
        groups = clusters.filter(of_side).drop_nulls()
        inside[side] = len(groups) > groups.n_unique()
    apart = [side for side, together in inside.items() if not together]
    return apart[0] if len(apart) == 1 and (treated if apart == ["treated"] else ~treated).any() else None


def checked_alone(clusters: pl.Series, treated: pl.Series, column: str | None, assignment: str) -> str | None:
    """Return the arm without groups, see `arm_alone`, where the assignment allows for one.

    Raises
    ------
    DesignError
        Groups were drawn, and one arm has none.
    """
    alone = arm_alone(clusters, treated)
    if alone is None or assignment != "random_cluster":
        return alone
    if clusters.filter(treated == (alone == "treated")).null_count():
        raise DesignError(t("compare.one_arm_grouped", column=column))
    return None  # groups of one learner were drawn, and that is what they are


def with_a_group(kept: pl.DataFrame, alone: str | None) -> tuple[pl.DataFrame, int]:
    """Leave out who has no group in an arm of groups, and count them; nobody has one in the arm alone.

    Parameters
    ----------
    kept : DataFrame
        With ``treated`` and ``cluster``.

    Raises
    ------
    EmptyArmError
        Nobody of an arm is left.
    """
    of_alone = pl.col("treated") == (alone == "treated") if alone else pl.lit(value=False)
    kept = kept.with_columns(pl.when(~of_alone).then("cluster").alias("cluster"))
    placed = kept.filter(of_alone | pl.col("cluster").is_not_null())
    for side, of_side in (("treated", pl.col("treated")), ("control", ~pl.col("treated"))):
        if placed.filter(of_side).is_empty():
            raise EmptyArmError(t("compare.empty_arm", arm=t(f"compare.arm_{side}")))
    return placed, kept.height - placed.height


def _of_two_arms(
    frame: pl.DataFrame, arm: str, treated: str, control: str
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the rows of the two arms, with their arm as ``_side``, and how many rows others were."""
    if treated == control:
        raise ParameterError(t("compare.same_arm", value=treated))
    side = frame.select(pl.col(arm).cast(pl.String).str.strip_chars()).to_series()
    side = side.str.replace(r"^(-?\d+)\.0+$", "$1")  # 1.0 and 1 are one arm
    for role, value in (("treated", treated), ("control", control)):
        if not (side == value).any():
            raise EmptyArmError(t("compare.arm_value_absent", role=role, value=value, column=arm))
    keep = side.is_in([treated, control]).fill_null(value=False)
    left = {"other_arm": int((~keep).sum()) - side.null_count(), "no_arm": side.null_count()}
    return frame.with_columns(side.alias("_side")).filter(keep), left


def known_column(frame: pl.DataFrame, name: str) -> None:
    """Refuse a column the table does not have.

    Raises
    ------
    SchemaError
        With the nearest column, or all of them.
    """
    if name not in frame.columns:
        near = did_you_mean(name, frame.columns)
        hint = (
            t("compare.did_you_mean", near=near)
            if near
            else t("compare.columns_are", columns=", ".join(frame.columns[:30]))
        )
        raise SchemaError(t("compare.no_column", name=name, hint=hint))


def numeric_columns(values: pl.Series) -> dict[str, pl.Series]:
    """Return a covariate as float columns: itself, or one 0/1 column for each category but the most frequent.

    Raises
    ------
    ParameterError
        It is a text with more than 20 different values.

    Examples
    --------
    >>> list(numeric_columns(pl.Series("site", ["Lyon", "Paris", "Lyon"])))
    ['site=Paris']
    """
    name = values.name
    if values.dtype.is_numeric() or values.dtype == pl.Boolean:
        return {name: _finite(values.cast(pl.Float64))}
    text = values.cast(pl.String)
    categories = sorted(text.drop_nulls().unique().to_list())
    if len(categories) > _MOST_CATEGORIES:
        raise ParameterError(t("compare.too_many_categories", name=name, n=len(categories)))
    if len(categories) < 2:
        return {name: text.is_null().replace_strict({True: None, False: 0.0}, return_dtype=pl.Float64)}
    counts = {category: int((text == category).sum()) for category in categories}
    reference = max(categories, key=lambda category: counts[category])  # ties: the first by name
    return {f"{name}={c}": (text == c).cast(pl.Float64) for c in categories if c != reference}


def without_repeats(frame: pl.DataFrame, names: Sequence[str]) -> tuple[tuple[str, ...], list[Note]]:
    """Drop covariates that are constant or a combination of earlier ones, and say so.

    Parameters
    ----------
    frame : DataFrame
        The learners analysed, with columns ``x:NAME``.
    names : sequence of str
        Covariates in the order of their importance.
    """
    import numpy as np

    kept: list[str] = []
    notes: list[Note] = []
    basis = [np.ones(frame.height)]
    for name in names:
        column = frame[f"x:{name}"].to_numpy()
        spread = column - column.mean()
        rest = spread
        for direction in basis[1:]:
            rest = rest - (rest @ direction) * direction
        size = np.linalg.norm(spread)
        if size <= 1e-10 * max(1.0, np.abs(column).max()) or np.linalg.norm(rest) <= 1e-8 * size:
            notes.append(note("covariate_dropped", {"name": name}))
            continue
        basis.append(rest / np.linalg.norm(rest))
        kept.append(name)
    return tuple(kept), notes


def _outcome(values: pl.Series, *, binary: bool) -> pl.Series:
    name = values.name
    if values.dtype == pl.Boolean:
        return values.cast(pl.Float64)
    if not values.dtype.is_numeric():
        text = values.cast(pl.String).str.strip_chars().str.to_lowercase()
        yes_no = text.is_in([*_YES, *_NO]).fill_null(value=True)
        if not (binary and yes_no.all()):
            raise ParameterError(t("compare.outcome_not_numbers", name=name))
        return text.is_in(_YES).cast(pl.Float64)
    out = _finite(values.cast(pl.Float64))
    if binary and not out.drop_nulls().is_in([0.0, 1.0]).all():
        raise ParameterError(t("compare.outcome_not_yes_no", name=name))
    return out


def _finite(values: pl.Series) -> pl.Series:
    return values.to_frame().select(pl.when(pl.col(values.name).is_finite()).then(pl.col(values.name)))[
        values.name
    ]


def _labels(values: pl.Series) -> pl.Series:
    """Levels of a moderator; numbers of many values are left to be cut into bands."""
    if values.n_unique() > _MOST_BANDS and not values.dtype.is_numeric():
        raise ParameterError(t("compare.too_many_bands", name=values.name, n=values.n_unique()))
    return values.cast(pl.String)


def _check_nested(frame: pl.DataFrame) -> None:
    arms = frame.drop_nulls("cluster").group_by("cluster").agg(pl.col("treated").n_unique())
    mixed = int((arms["treated"] > 1).sum())
    if mixed:
        raise DesignError(t("compare.group_in_both_arms", n=mixed))
