"""Who is let in: one browser for each link, or whoever knows the secret a proxy adds to every request."""

from __future__ import annotations

from collections.abc import Callable
from hmac import compare_digest
from html import escape
from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import JupyterHandler
from traitlets import Any
from voila.voila_identity_provider import VoilaIdentityProvider

from flipstats.dashboard.secret import new_token
from flipstats.i18n import LANGUAGES, t

if TYPE_CHECKING:
    from jupyter_server.auth.identity import User

_LOGIN = r"/login"
_SHUT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>flipstats</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<body style="font:1rem/1.5 system-ui;max-width:40rem;margin:15vh auto;padding:0 1rem">{said}</body></html>"""


class Shut(JupyterHandler):
    """The page of whoever is not let in: in both languages, since nothing is known of them."""

    @allow_unauthenticated
    def get(self) -> None:
        """Say that a link lets one browser in, and where a new one is."""
        said = "".join(
            f'<section lang="{lang}"><h1>{escape(t("entry.shut_title", lang))}</h1>'
            f"<p>{escape(t('entry.shut', lang))}</p></section>"
            for lang in LANGUAGES
        )
        self.set_status(403)
        self.finish(_SHUT.format(said=said))

    post = get

    def check_xsrf_cookie(self) -> None:
        """Check nothing: whoever asks gets the same page, and nothing changes."""


class Secret(VoilaIdentityProvider):
    """Lets in whoever brings the token, as often as they like."""

    async def get_user_token(self, handler: JupyterHandler) -> User | None:
        """Return a user where the request brings the token."""
        given = self.get_token(handler) or ""
        if not compare_digest(given.encode(), self.token.encode()):
            return None
        self.spend()
        return self.get_user_cookie(handler) or self.generate_anonymous_user(handler)

    def spend(self) -> None:
        """Do what follows on the use of a token: here, nothing."""

    def is_token_authenticated(self, handler: JupyterHandler) -> bool:  # noqa: ARG002
        """Return False: where a proxy adds the token, a foreign site's request has it too and is checked."""
        return False

    def get_handlers(self) -> list[tuple[str, object]]:
        """Return the page of whoever is not let in; nobody types a password here."""
        return [(_LOGIN, Shut)]


class OneTime(Secret):
    """Lets in one browser with each token; that browser then has a cookie until it is closed.

    Attributes
    ----------
    spent : callable
        Told the next token when one is used.
    """

    spent: Callable[[str], None] = Any(lambda _token: None)

    def spend(self) -> None:
        """Put another token in the place of the one that was used."""
        self.token = new_token()
        self.spent(self.token)
