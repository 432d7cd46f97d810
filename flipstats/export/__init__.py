"""A study that holds only what a role may see: what is not in it cannot be got out of it."""

from __future__ import annotations

from pathlib import Path

from flipstats import facts
from flipstats.errors import ParameterError
from flipstats.export.manager import for_manager
from flipstats.export.trainer import for_trainer
from flipstats.i18n import t
from flipstats.study import Study

__all__ = ["EXPORT_ROLES", "export_study", "for_manager", "for_trainer"]

EXPORT_ROLES = ("manager", "trainer")


def export_study(study: Study, role: str, out: Path | str, *, trainer: str | None = None) -> Path:
    """Write a study that holds only what a role may see.

    Parameters
    ----------
    study : Study
        The whole study.
    role : {"manager", "trainer"}
        Who will look.
    out : path
        The folder to make; it must not hold a study or anything else.
    trainer : str, optional
        For a trainer: ``trainer_id`` as the cohorts name it.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ParameterError
        No such role or trainer; the folder is not empty; the study is itself an export.
    """
    folder = Path(out)
    if role not in EXPORT_ROLES:
        raise ParameterError(t("export.role_unknown", role=repr(role), known=", ".join(EXPORT_ROLES)))
    if study.role != "research":
        raise ParameterError(t("export.of_an_export", role=study.role))
    if (trainer is None) == (role == "trainer"):
        raise ParameterError(t("export.trainer_needed"))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ParameterError(t("export.not_empty", folder=folder))
    seen = for_manager(study) if trainer is None else for_trainer(study, trainer)
    return seen.save(folder, facts=facts.of_study(seen))
