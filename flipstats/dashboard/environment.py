"""What the servers of pages and notebooks hand to their kernels, and the ports they listen on."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from flipstats.errors import ParameterError, did_you_mean
from flipstats.i18n import t

HOST = "127.0.0.1"
STUDY_VARIABLE = "FLIPSTATS_STUDY"
ROLE_VARIABLE = "FLIPSTATS_ROLE"
LANGUAGE_VARIABLE = "FLIPSTATS_LANG"
NUMBERS_VARIABLE = "FLIPSTATS_PAGE_NUMBERS"
JUPYTER_SHARE = Path(__file__).parent / "voila_template"
_PORTS_TRIED = 100


def say(text: str) -> None:
    """Print at once, also where the output is a file that somebody follows; nobody need listen."""
    try:
        print(text, flush=True)
    except BrokenPipeError:  # what read our output has ended; those who look at the page have not
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables inside a ``with`` block."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def jupyter_path(variable: str = "JUPYTER_PATH") -> str:
    """Return a search path of Jupyter on which what we ship comes first: template, kernel, settings.

    The kernel is this very Python. It holds for a wheel and for an editable install alike: nothing is put
    into the environment's `share`.
    """
    return os.pathsep.join(filter(None, [str(JUPYTER_SHARE), os.environ.get(variable)]))


def one_of(name: str, value: object, allowed: Collection) -> object:
    """Return `value` where it is allowed.

    Raises
    ------
    ParameterError
        It is not; says what is, or what was probably meant.

    Examples
    --------
    >>> one_of("role", "manager", ("research", "manager", "trainer"))
    'manager'
    """
    if value in allowed:
        return value
    if isinstance(allowed, range):
        raise ParameterError(t("page.not_between", name=name, value=value, low=allowed[0], high=allowed[-1]))
    near = did_you_mean(str(value), map(str, allowed))
    key = "page.not_one_of_near" if near else "page.not_one_of"
    raise ParameterError(t(key, name=name, value=value, known=", ".join(map(str, allowed)), near=near))


def usable_port(port: int | None, first: int) -> int:
    """Return `port`, or, where it is None, the first free one from `first` on.

    Raises
    ------
    ParameterError
        The port is taken or is not one, or all ports tried are taken.
    """
    if port is not None:
        if not _is_free(one_of("port", port, range(1, 65536))):
            raise ParameterError(t("page.port_taken", port=port))
        return port
    for candidate in range(first, first + _PORTS_TRIED):
        if _is_free(candidate):
            return candidate
    raise ParameterError(t("page.no_free_port", first=first, last=first + _PORTS_TRIED - 1))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        if os.name == "posix":  # on Windows this option would let two servers share a port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True
