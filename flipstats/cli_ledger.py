"""The commands of the hours ledger: make it, sign it, check a signed one; keys and identities."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flipstats.cli_common import Json, Lang, StudyDir, open_for, passphrase, print_json, use_language
from flipstats.i18n import t


def ledger(
    folder: StudyDir,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.xlsx|csv|pdf|html", help="File to write.")
    ] = None,
    rule: Annotated[Path | None, typer.Option("--rule", help="How minutes are credited, as TOML.")] = None,
    country: Annotated[str | None, typer.Option("--country", help="Whose public holidays, e.g. FR.")] = None,
    cohort: Annotated[list[str] | None, typer.Option("--cohort", help="Only this cohort; repeat.")] = None,
    sign: Annotated[Path | None, typer.Option("--sign", metavar="KEY", help="Sign with this key.")] = None,
    identities: Annotated[
        Path | None, typer.Option("--identities", metavar="FILE", help="Put names in; needs --sign.")
    ] = None,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Account for hours: announced, measured and credited minutes, each line with its evidence."""
    from flipstats.ledger import export_ledger, ledger_of
    from flipstats.ledger.identities import PASSPHRASE

    study = open_for(folder, lang)
    made = ledger_of(study.select(cohorts=cohort) if cohort else study, rule, country)
    if out is None and (sign or identities):
        raise typer.BadParameter(t("ledger.out_needed"), param_hint="--out")
    word = passphrase(PASSPHRASE) if identities else ""
    written = []
    if out is not None:
        written = export_ledger(made, out, key=sign, identities=identities, passphrase=word)
    if as_json:
        files = [str(path) for path in written]
        print_json({"lines": made.rows.height, "totals": made.totals().to_dicts(), "files": files})
    else:
        print(t("ledger.made", n=made.rows.height, **_sums(made)))
        for path in written:
            print(t("ledger.written", file=path))


def _sums(made: object) -> dict[str, str]:
    from flipstats.i18n import number

    summed = made.totals()
    names = ("announced_min", "measured_min", "credited_min")
    return {name: number(float(summed[name].sum()) / 60, 1) for name in names}


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A signed ledger.")],
    key: Annotated[Path, typer.Option("--key", metavar="PUB", help="The organisation's public key.")],
    signature: Annotated[Path | None, typer.Option("--signature", help="By default FILE.sig.")] = None,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Check a signed ledger: is it as it was signed, and if not, what differs."""
    from flipstats.ledger.signature import public_key, signature_path
    from flipstats.ledger.signature import verify as check

    use_language(lang)
    wrong = check(file, signature or signature_path(file), public_key(key))
    if as_json:
        print_json({"file": str(file), "sound": not wrong, "problems": wrong})
    else:
        print("\n".join(wrong or [t("ledger.sound", file=file.name)]))
    if wrong:
        raise typer.Exit(1)


def ledger_key(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The private key to make.")], lang: Lang = None
) -> None:
    """Make the organisation's key pair to sign ledgers with."""
    from flipstats.ledger.signature import make_key

    use_language(lang)
    print(t("ledger.key_made", private=file, public=make_key(file)))


def identities(
    folder: StudyDir,
    out: Annotated[Path, typer.Option("--out", help="The encrypted file to make.")],
    cohort: Annotated[list[str] | None, typer.Option("--cohort", help="Only its learners; repeat.")] = None,
    lang: Lang = None,
) -> None:
    """Write who is behind each pseudonym to an encrypted file that you keep apart."""
    from flipstats.ledger.identities import PASSPHRASE, identities_of, lock

    study = open_for(folder, lang)
    people = identities_of(study.select(cohorts=cohort) if cohort else study, folder)
    lock(people, out, passphrase(PASSPHRASE))
    print(t("ledger.identities_written", n=len(people), file=out))


COMMANDS = ((ledger, "ledger"), (verify, "verify"), (ledger_key, "ledger-key"), (identities, "identities"))
