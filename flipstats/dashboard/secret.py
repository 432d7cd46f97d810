"""Secrets that let somebody in: a new one for each link, or one in a file for a proxy."""

from __future__ import annotations

import secrets
from pathlib import Path

from flipstats.errors import ParameterError
from flipstats.i18n import t

SHORTEST_SECRET = 16  # characters of a secret that a person chose


def new_token() -> str:
    """Return a token nobody can guess."""
    return secrets.token_urlsafe(24)


def secret_of(file: Path) -> str:
    """Read the secret that a proxy adds to its requests.

    Raises
    ------
    ParameterError
        There is no such file, or the secret in it is too short.
    """
    if not file.is_file():
        raise ParameterError(t("entry.no_secret", file=file))
    secret = file.read_text(encoding="utf-8").strip()
    if len(secret) < SHORTEST_SECRET:
        raise ParameterError(t("entry.short_secret", file=file, n=SHORTEST_SECRET))
    return secret
