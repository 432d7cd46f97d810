"""Pseudonyms: names and addresses leave the program where they enter it.

A pseudonym is a keyed hash of an identity, so that the same person has the same one in every source and
every year, and nobody without the organisation's key can recompute it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from flipstats.errors import StudyError
from flipstats.i18n import t

KEY_FILE = "flipstats.key"
KEY_BYTES = 32


def pseudonym(key: bytes, identity: str, prefix: str = "L") -> str:
    """Return the pseudonym of an identity: `prefix` and 16 letters or digits (80 bits).

    Parameters
    ----------
    key : bytes
        The organisation's secret.
    identity : str
        What identifies the person, e.g. ``"email:a.b@example.org"``; case and blanks around do not count.
    prefix : str
        ``L`` for learners, ``T`` for trainers.

    Examples
    --------
    >>> pseudonym(b"k" * 32, "email:A@example.org ") == pseudonym(b"k" * 32, "email:a@example.org")
    True
    """
    digest = hmac.new(key, identity.strip().casefold().encode(), hashlib.sha256).digest()
    return prefix + base64.b32encode(digest[:10]).decode("ascii")


def organisation_key(folder: Path) -> bytes:
    """Return the key that lies beside the study file, making one the first time.

    ``FLIPSTATS_KEY_FILE`` names another place, for an organisation that keeps one key for all its studies.

    Raises
    ------
    StudyError
        The key file is not a key.
    """
    path = Path(os.environ.get("FLIPSTATS_KEY_FILE") or folder / KEY_FILE)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except ValueError as error:
        raise StudyError(t("study.bad_key", file=path.name)) from error
    if len(key) != KEY_BYTES:
        raise StudyError(t("study.bad_key", file=path.name))
    return key
