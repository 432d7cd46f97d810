"""A plain table, one row a learner, as a roster."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from polars import selectors

from flipstats.comparison.cells import NO, YES, infinite, numeric_columns, outcome_numbers
from flipstats.comparison.note import Note, note
from flipstats.comparison.question import Roster
from flipstats.errors import DesignError, EmptyArmError, ParameterError, SchemaError, did_you_mean
from flipstats.i18n import t

_MOST_BANDS = 8
_TRUTH = {"true": YES, "false": NO}


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
    if band == outcome:  # bands are cut before outcomes are looked at
        raise ParameterError(t("compare.outcome_as_band", name=outcome))
    frame = frame.with_columns(selectors.float().fill_nan(None))
    kept, left = _of_two_arms(frame, arm, treated, control)
    _check_one_row_each(kept)
    sides = _sides(kept, treated, cluster)
    alone = checked_alone(sides["cluster"], sides["treated"], cluster, assignment)
    nested = alone is not None or (cluster is not None and assignment != "random_individual")
    ungrouped = (0, 0)
    if nested:
        sides, ungrouped = with_a_group(sides, alone, cluster)
        kept = kept[sides["row"]]
    unknown = pl.Series([None] * kept.height, dtype=pl.String)
    columns = {
        "treated": sides["treated"],
        "cluster": sides["cluster"],
        "started": unknown.cast(pl.Boolean),
        "outcome": outcome_numbers(kept[outcome], binary=binary),
        "band": _labels(kept[band]) if band else unknown,
    }
    for name in covariates:
        columns |= {f"x:{key}": values for key, values in numeric_columns(kept[name]).items()}
    out = pl.DataFrame(columns)
    if nested:
        _check_nested(out)
    return Roster(
        out,
        left_out=tuple((reason, n) for reason, n in left.items() if n),
        alone=alone,
        ungrouped=ungrouped,
        warnings=tuple(infinite(kept[column]) for column in (outcome, *covariates) if infinite(kept[column])),
    )


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


def with_a_group(kept: pl.DataFrame, alone: str | None, column: str) -> tuple[pl.DataFrame, tuple[int, int]]:
    """Leave out who has no group in an arm of groups, and count them; nobody has one in the arm alone.

    Parameters
    ----------
    kept : DataFrame
        With ``treated`` and ``cluster``.
    column : str
        What people call the column of the groups.

    Returns
    -------
    (DataFrame, (int, int))
        How many of the treated and of the control arm: they were assigned, and are lost.

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
            raise EmptyArmError(t("compare.no_group_known", arm=t(f"compare.arm_{side}"), column=column))
    lost = kept.filter(~of_alone & pl.col("cluster").is_null())["treated"]
    return placed, (int(lost.sum()), int((~lost).sum()))


def _of_two_arms(
    frame: pl.DataFrame, arm: str, treated: str, control: str
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the rows of the two arms, with their arm as ``_side``, and how many rows others were."""
    if treated == control:
        raise ParameterError(t("compare.same_arm", value=treated))
    side = _named_arms(frame[arm], (treated, control))
    for role, value in (("treated", treated), ("control", control)):
        if not (side == value).any():
            raise EmptyArmError(t("compare.arm_value_absent", role=role, value=value, column=arm))
    keep = side.is_in([treated, control]).fill_null(value=False)
    left = {"other_arm": int((~keep).sum()) - side.null_count(), "no_arm": side.null_count()}
    return frame.with_columns(side.alias("_side")).filter(keep), left


def _named_arms(values: pl.Series, asked: tuple[str, str]) -> pl.Series:
    """Return the arm of each row as text, by the names that were asked for where it is true or false."""
    side = values.cast(pl.String).str.strip_chars()
    if values.dtype == pl.Boolean:
        named = {truth: name for name in asked for truth, words in _TRUTH.items() if name.lower() in words}
        return side.replace(named)
    return side.str.replace(r"^(-?\d+)\.0+$", "$1")  # 1.0 and 1 are one arm


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
