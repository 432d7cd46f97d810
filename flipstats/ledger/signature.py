"""A detached signature: whoever may edit a file may also make its hash again, but not sign it again."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import polars as pl
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from flipstats.errors import InputError, ParameterError
from flipstats.i18n import t
from flipstats.ledger.files import read_totals
from flipstats.ledger.lines import Ledger

FORMAT = "flipstats-ledger-1"
PASSPHRASE = "FLIPSTATS_SIGNING_PASSPHRASE"


def signature_path(file: Path) -> Path:
    """Return where the signature of a file lies: beside it."""
    return file.with_name(file.name + ".sig")


def make_key(private: Path) -> Path:
    """Make the organisation's key pair: the private key at `private`, the public one beside it, ``.pub``.

    Where ``FLIPSTATS_SIGNING_PASSPHRASE`` is set the private key is encrypted with it.

    Raises
    ------
    ParameterError
        There is a file already: a key is never written over.
    """
    public = private.with_name(private.name + ".pub")
    for path in (private, public):
        if path.exists():
            raise ParameterError(t("ledger.key_exists", file=path))
    key, word = Ed25519PrivateKey.generate(), os.environ.get(PASSPHRASE)
    cipher = ser.BestAvailableEncryption(word.encode()) if word else ser.NoEncryption()
    secret = key.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.PKCS8, cipher)
    with open(os.open(private, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(secret)
    shown = key.public_key().public_bytes(ser.Encoding.PEM, ser.PublicFormat.SubjectPublicKeyInfo)
    public.write_bytes(shown)
    return public


def private_key(path: Path) -> Ed25519PrivateKey:
    """Read the private key.

    Raises
    ------
    InputError
        It is no such key, or its passphrase is missing or wrong.
    """
    word = os.environ.get(PASSPHRASE)
    try:
        key = ser.load_pem_private_key(path.read_bytes(), word.encode() if word else None)
    except (ValueError, TypeError, OSError, UnsupportedAlgorithm) as error:
        raise InputError(t("ledger.bad_key", file=path, variable=PASSPHRASE)) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(t("ledger.bad_key", file=path, variable=PASSPHRASE))
    return key


def public_key(path: Path) -> Ed25519PublicKey:
    """Read the public key that an auditor was given.

    Raises
    ------
    InputError
        It is no such key.
    """
    try:
        key = ser.load_pem_public_key(path.read_bytes())
    except (ValueError, OSError, UnsupportedAlgorithm) as error:
        raise InputError(t("ledger.bad_public_key", file=path)) from error
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(t("ledger.bad_public_key", file=path))
    return key


def sign(made: Ledger, file: Path, key: Ed25519PrivateKey) -> Path:
    """Sign a written ledger: its hash, its totals, its rule and its sources; pseudonyms only."""
    sources = made.study.table("sources").select("source_id", "sha256").sort("source_id").collect()
    statement = {
        "format": FORMAT,
        "study": made.study.programme.id,
        "file": file.name,
        "sha256": _sha256(file),
        "signed_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "lines": made.rows.height,
        "totals": _told(made.totals()),
        "rule": made.rule.model_dump(mode="json"),
        "sources": sources.to_dicts(),
        "flipstats": version("flipstats"),
    }
    shown = key.public_key().public_bytes(ser.Encoding.Raw, ser.PublicFormat.Raw)
    content = {
        "statement": statement,
        "public_key": base64.b64encode(shown).decode(),
        "signature": base64.b64encode(key.sign(_canonical(statement))).decode(),
    }
    path = signature_path(file)
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return path


def verify(file: Path, signature: Path, trusted: Ed25519PublicKey) -> list[str]:
    """Return what is wrong with a signed ledger, a sentence each; empty: it is as it was signed.

    Parameters
    ----------
    file, signature : Path
        The ledger and its signature.
    trusted : Ed25519PublicKey
        The organisation's public key, got from the organisation and not from the signature.
    """
    try:
        content = json.loads(signature.read_text(encoding="utf-8"))
        statement, told = content["statement"], base64.b64decode(content["signature"], validate=True)
        trusted.verify(told, _canonical(statement))
    except FileNotFoundError:
        return [t("ledger.no_signature", file=signature)]
    except (ValueError, KeyError, TypeError):
        return [t("ledger.signature_damaged", file=signature.name)]
    except InvalidSignature:
        return [t("ledger.not_signed_by", file=signature.name)]
    if statement.get("format") != FORMAT:
        return [t("ledger.signature_damaged", file=signature.name)]
    if not file.exists():
        return [t("ledger.file_absent", file=file)]
    wrong = [] if _sha256(file) == statement["sha256"] else [t("ledger.changed", file=file.name)]
    return wrong + _differences(file, statement)


def _differences(file: Path, statement: dict) -> list[str]:
    """Say which totals of the file, added up again, are not those that were signed."""
    try:
        read = read_totals(file)
    except InputError as problem:
        return [str(problem)]
    if read is None:
        return []
    lines, found = read
    out = []
    if lines != statement["lines"]:
        out.append(t("ledger.lines_differ", signed=statement["lines"], found=lines))
    signed, now = ({row["learner_id"]: row for row in rows} for rows in (statement["totals"], _told(found)))
    for learner in sorted(signed.keys() | now.keys()):
        before, after = signed.get(learner), now.get(learner)
        if before is None or after is None:
            out.append(
                t("ledger.learner_added" if before is None else "ledger.learner_gone", learner=learner)
            )
            continue
        for name in before:
            if before[name] != after[name]:
                what = t(f"ledger.column_{name}")
                out.append(
                    t(
                        "ledger.total_differs",
                        learner=learner,
                        what=what,
                        signed=before[name],
                        found=after[name],
                    )
                )
    return out


def _told(summed: pl.DataFrame) -> list[dict[str, str]]:
    return [
        {name: value if isinstance(value, str) else f"{value:.2f}" for name, value in row.items()}
        for row in summed.iter_rows(named=True)
    ]


def _canonical(statement: object) -> bytes:
    return json.dumps(statement, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _sha256(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
