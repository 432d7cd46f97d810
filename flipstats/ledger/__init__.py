"""The hours ledger: announced, measured and credited minutes, auditable to the row of the export."""

from __future__ import annotations

from pathlib import Path

from flipstats.errors import ParameterError
from flipstats.i18n import t
from flipstats.ledger.files import write
from flipstats.ledger.identities import unlock
from flipstats.ledger.lines import COLUMNS, Ledger, ledger, totals
from flipstats.ledger.rule import Rule, read_rule
from flipstats.ledger.signature import private_key, sign
from flipstats.study import Study

__all__ = ["COLUMNS", "Ledger", "Rule", "export_ledger", "ledger", "read_rule", "totals"]


def export_ledger(
    made: Ledger, out: Path, *, key: Path | None = None, identities: Path | None = None, passphrase: str = ""
) -> list[Path]:
    """Write a ledger; sign it with `key`; put names in it only where it is signed.

    Parameters
    ----------
    out : Path
        The file: ``.csv``, ``.xlsx``, ``.pdf`` or ``.html``.
    key : Path, optional
        The organisation's private key.
    identities : Path, optional
        The encrypted identities, opened with `passphrase`; the access is logged.

    Returns
    -------
    list of Path
        The file, and its signature.

    Raises
    ------
    ParameterError
        Names without a signature.
    InputError
        A key, a passphrase or the identities are wrong.
    """
    if identities is not None and key is None:
        raise ParameterError(t("ledger.names_unsigned"))
    secret = None if key is None else private_key(key)
    people = None if identities is None else unlock(identities, passphrase, out.name)
    write(made, out, people)
    return [out] if secret is None else [out, sign(made, out, secret)]


def ledger_of(study: Study, rule: Path | None, country: str | None) -> Ledger:
    """Make the ledger of a study: by a rule file, with the study's country where neither names one.

    Raises
    ------
    ParameterError
        The study is an export for managers: it holds no learner.
    """
    if study.role != "research":
        raise ParameterError(t("ledger.not_from_export", role=study.role))
    return ledger(study, read_rule(rule, country or study.calendar.country))
