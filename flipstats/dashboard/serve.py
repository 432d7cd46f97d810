"""Serve one page to browsers: Voilà on the loopback address, with kernels ready before the viewer comes.

The study, the role and the language go to the kernels as environment variables, never by the address, which
a viewer can change. Whoever must be reached beyond this machine stands behind a proxy that knows its users.
"""

from __future__ import annotations

import logging
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flipstats.dashboard.environment import (
    HOST,
    LANGUAGE_VARIABLE,
    ROLE_VARIABLE,
    STUDY_VARIABLE,
    environment,
    jupyter_path,
    one_of,
    say,
    usable_port,
)
from flipstats.dashboard.ready import Numbers, hand_over, make, page_named
from flipstats.dashboard.secret import new_token, secret_of
from flipstats.display import ASSETS, theme_data
from flipstats.errors import ParameterError
from flipstats.i18n import LANGUAGES, catalogue, t
from flipstats.indicators.definition import ROLES
from flipstats.shipped import shipped
from flipstats.study import open_study

if TYPE_CHECKING:
    from traitlets.config import Config

FIRST_PORT = 8866
_REFILL_S = 5.0  # those who came get their page before kernels for the next are started
TEMPLATE = "flipstats"
_PATH, _NAME = re.compile(r"/([\w.~-]+/)*"), re.compile(r"[\w.-]{1,253}", re.ASCII)
# Everything else a Jupyter installation may hold is left out: pages start faster and nothing foreign runs.
_EXTENSIONS = ["@jupyter-widgets/jupyterlab-manager", "@voila-dashboards/widgets-manager8", "anywidget"]
_SECURITY_HEADERS = {
    # Widgets are built from text that came over the websocket, hence blob: and 'unsafe-eval'.
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'",
    "Referrer-Policy": "no-referrer",
}


def serve(
    study_dir: Path | str,
    *,
    page: str = "manager",
    role: str = "manager",
    port: int | None = None,
    lang: str | None = None,
    viewers: int = 2,
    token: str | None = None,
    token_file: Path | None = None,
    base_url: str = "/",
    host_name: str | None = None,
    open_browser: bool = True,
    announce: Callable[[str], None] = say,
) -> None:
    """Serve a page on this machine until interrupted.

    Parameters
    ----------
    study_dir : path
        A study folder made by ``flipstats build``.
    page : str
        See `flipstats.dashboard.ready.PAGES`; each is a notebook in `dashboards/`.
    role : {"research", "manager", "trainer"}
        For whom: outside ``"research"`` small cells are suppressed.
    port : int, optional
        Port on the loopback address; by default the first free one from 8866 on.
    lang : {"en", "fr"}, optional
        Language where the address does not say ``?lang=``; the programme's by default.
    viewers : int
        How many may arrive at the same time and find their page ready; each costs one kernel in memory.
    token : str, optional
        Secret that lets in whoever brings it. By default a link that lets in one browser is announced, and
        the next one when it was used.
    token_file : path, optional
        File with such a secret, which a proxy adds to its requests; it is not announced.
    base_url : str
        Path under which a proxy shows the page.
    host_name : str, optional
        Name under which a proxy shows the page; others than that and this machine's own are refused.
    open_browser : bool
        Open the page in the user's browser.
    announce : callable
        Told the address once the server listens.

    Raises
    ------
    ParameterError
        The page, role, language, port, number of viewers, path, name or secret is not one that there can be.
    StudyError
        The folder is not a study.
    """
    page = page_named(page)
    notebook = shipped("dashboards") / f"{page}.ipynb"
    one_of("role", role, ROLES)
    one_of("viewers", viewers, range(1, 101))
    study = open_study(Path(study_dir).resolve())
    lang = one_of("lang", lang or study.programme.language, LANGUAGES)
    door = Door(
        usable_port(port, FIRST_PORT),
        token or (secret_of(token_file) if token_file else new_token()),
        path_of(base_url),
        name_of(host_name),
        one_time=not (token or token_file),
    )
    announce(t("page.making", lang))
    with _kernel_environment(make(page, study, role, lang)) as runtime:
        config = _configuration(notebook, door, viewers, lang, runtime)
        welcome = "entry.serving_once" if door.one_time else "page.serving"
        said = t(welcome, lang, url=door.url(hide=bool(token_file)))
        _run(config, door, said, open_browser=open_browser and not token_file, announce=announce, lang=lang)


@dataclass(frozen=True, slots=True)
class Door:
    """Where the server listens, and who is let in.

    Attributes
    ----------
    port : int
    token : str
    base_url : str
        Begins and ends with a slash.
    host_name : str or None
    one_time : bool
        Each token lets in one browser.
    """

    port: int
    token: str
    base_url: str = "/"
    host_name: str | None = None
    one_time: bool = False

    def url(self, token: str | None = None, *, hide: bool = False) -> str:
        """Return the address of the page, with the token that opens it."""
        address = f"http://{HOST}:{self.port}{self.base_url}"
        return address if hide else f"{address}?token={token or self.token}"


def path_of(base_url: str) -> str:
    """Return a path with a slash at both ends.

    Raises
    ------
    ParameterError
        It is no plain path.

    Examples
    --------
    >>> path_of("stats"), path_of("/")
    ('/stats/', '/')
    """
    path = f"/{base_url.strip('/')}/".replace("//", "/")
    if not _PATH.fullmatch(path) or ".." in path:
        raise ParameterError(t("entry.no_path", path=repr(base_url)))
    return path


def name_of(host_name: str | None) -> str | None:
    """Return the name of a host where it is one.

    Raises
    ------
    ParameterError
        It is not.
    """
    if host_name is not None and not _NAME.fullmatch(host_name):
        raise ParameterError(t("entry.no_name", name=repr(host_name)))
    return host_name


def _run(
    config: Config,
    door: Door,
    welcome: str,
    *,
    open_browser: bool,
    announce: Callable[[str], None],
    lang: str,
) -> None:
    from tornado.ioloop import IOLoop
    from voila.app import Voila

    from flipstats.dashboard.entry import OneTime, Secret

    class Page(Voila):
        """Voilà that also finds plotly.js, and opens a browser that is already signed in."""

        def setup_template_dirs(self) -> None:
            super().setup_template_dirs()
            self.static_paths = [*self.static_paths, str(ASSETS)]

        def init_settings(self) -> dict:
            settings = super().init_settings()
            if door.one_time:
                self.identity_provider.spent = lambda new: announce(t("entry.next", lang, url=door.url(new)))
            return settings

        def listen(self) -> None:
            IOLoop.current().add_callback(announce, welcome)  # runs once the port is bound
            super().listen()

        def launch_browser(self) -> None:
            _open_browser(door.url(), Path(self.connection_dir))

    config.Voila.open_browser = open_browser
    config.Voila.identity_provider_class = OneTime if door.one_time else Secret
    # jupyter_server gives pings in milliseconds where tornado reads seconds, and tornado remarks on it.
    logging.getLogger("tornado.general").setLevel(logging.ERROR)
    app = Page.instance(config=config)
    app.initialize(argv=[])
    app.start()


def _configuration(notebook: Path, door: Door, viewers: int, lang: str, runtime: Path) -> Config:
    from traitlets.config import Config

    config = Config()
    voila, options = config.Voila, config.VoilaConfiguration
    voila.config_file_paths = []  # a voila.json lying about must not undo what is decided here
    voila.notebook_path = str(notebook)
    voila.ip, voila.port, voila.port_retries = HOST, door.port, 0  # kernels are told it before it is taken
    voila.token, voila.base_url = door.token, door.base_url
    voila.connection_dir_root = str(runtime)
    voila.log_level = "ERROR"
    names = ["localhost", *([door.host_name] if door.host_name else [])]
    voila.tornado_settings = {
        "headers": _SECURITY_HEADERS,
        "allow_remote_access": False,
        "local_hostnames": names,
    }
    options.template, options.theme = TEMPLATE, "light"
    options.allow_template_override = options.allow_theme_override = "NO"
    options.resources = {"flipstats": {"lang": lang, "texts": template_texts(), "theme": str(theme_data())}}
    options.extension_allowlist = _EXTENSIONS
    options.file_allowlist = []
    options.show_tracebacks, options.strip_sources = False, True
    options.preheat_kernel, options.default_pool_size = True, viewers
    config.VoilaKernelManager.fill_delay = _REFILL_S
    config.VoilaKernelManager.kernel_manager_class = "flipstats.dashboard.kernels.Quiet"
    config.VoilaExecutor.cell_error_instruction = ""
    if os.name == "posix":
        config.KernelManager.transport = "ipc"  # sockets in our private folder, not ports of the machine
    config.KernelManager.shutdown_wait_time = 1.0  # they hold nothing that could be lost
    config.IdentityProvider.cookie_options = {"samesite": "Lax", "expires_days": None}  # until it is closed
    config.MappingKernelManager.cull_interval = 60
    config.MappingKernelManager.cull_idle_timeout = 600
    return config


@contextmanager
def _kernel_environment(numbers: Numbers) -> Iterator[Path]:
    """Set what kernels inherit, in a private runtime folder, and put everything back afterwards."""
    _, study_dir, _, role, lang = numbers.made_from
    with tempfile.TemporaryDirectory(prefix="flipstats-page-") as folder:
        profile = Path(folder) / "ipython" / "profile_default"
        profile.mkdir(parents=True)
        (profile / "ipython_kernel_config.py").write_text("c.HistoryManager.enabled = False\n")
        variables = {
            STUDY_VARIABLE: study_dir,
            ROLE_VARIABLE: role,
            LANGUAGE_VARIABLE: lang,
            "JUPYTER_PATH": jupyter_path(),
            "IPYTHONDIR": str(profile.parent),  # nobody's start-up files run in a page
            **hand_over(numbers, Path(folder)),
        }
        with environment(variables):
            yield Path(folder)


def template_texts() -> dict[str, dict[str, str]]:
    """Return what the template itself says, by language: a page may be asked for in either."""
    prefix = "page.template_"
    texts = {lang: catalogue(lang).items() for lang in LANGUAGES}
    return {
        lang: {key.removeprefix(prefix): text for key, text in items if key.startswith(prefix)}
        for lang, items in texts.items()
    }


def _open_browser(url: str, folder: Path) -> None:
    """Open the page through a file only this user can read, so that the token is in no process list."""
    import webbrowser

    file = folder / "open.html"
    with open(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as handle:
        handle.write(f'<!doctype html><meta http-equiv="refresh" content="0; url={url}">')
    webbrowser.open(file.as_uri())
