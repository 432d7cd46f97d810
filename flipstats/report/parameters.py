"""A notebook's parameters, checked before anything runs.

papermill itself only warns about a name it does not know, runs with the defaults and looks at no type: a
report on the wrong cohort would look like a good one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from flipstats.errors import ParameterError, did_you_mean
from flipstats.i18n import t

RESERVED = ("study", "lang")  # set by `run_report` itself
_YES, _NO = ("true", "yes", "oui", "1"), ("false", "no", "non", "0")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a notebook: its name, its type, its default as written and what it means."""

    name: str
    kind: str
    default: str
    meaning: str


def parameters_of(notebook: Path) -> dict[str, Parameter]:
    """Return the parameters of a notebook, from its cell tagged ``parameters``.

    Raises
    ------
    ParameterError
        A parameter has no type, or one that cannot be checked; or the notebook names no kernel.
    """
    import papermill

    found = {}
    try:
        declared = papermill.inspect_notebook(str(notebook))
    except ValueError as error:
        raise ParameterError(t("report.no_kernelspec", notebook=notebook.name)) from error
    for name, about in declared.items():
        kind = (about["inferred_type_name"] or "").replace(" ", "")
        if kind not in _CHECKS:
            raise ParameterError(
                t("report.untyped", notebook=notebook.name, name=name, kinds=", ".join(_CHECKS))
            )
        found[name] = Parameter(name, kind, about["default"], about["help"])
    return found


def checked(given: Mapping[str, object], known: Mapping[str, Parameter], notebook: str) -> dict[str, object]:
    """Return what was given with the types the notebook declares; texts of a command line are converted.

    Parameters
    ----------
    given : mapping
        Name to value; a list may be given as ``A,B`` or as JSON.
    known : mapping of str to Parameter
        What the notebook declares.
    notebook : str
        Its name, for messages.

    Raises
    ------
    ParameterError
        A name is unknown (the nearest one is suggested), is set elsewhere, or a value has the wrong type.

    Examples
    --------
    >>> known = {"weeks": Parameter("weeks", "int", "4", "how many weeks")}
    >>> checked({"weeks": "6"}, known, "programme_report")
    {'weeks': 6}
    """
    out = {}
    for name, value in given.items():
        if name in RESERVED:
            raise ParameterError(t(f"report.reserved_{name}"))
        if name not in known:
            near = did_you_mean(name, [n for n in known if n not in RESERVED])
            key = "report.unknown_parameter" if near is None else "report.unknown_parameter_near"
            names = ", ".join(n for n in known if n not in RESERVED)
            raise ParameterError(t(key, notebook=notebook, name=name, near=near, known=names))
        out[name] = _typed(value, known[name], notebook)
    return out


def _typed(value: object, parameter: Parameter, notebook: str) -> object:
    try:
        return _CHECKS[parameter.kind](value)
    except ValueError:
        shown = value if isinstance(value, str) else json.dumps(value, default=str)
        raise ParameterError(
            t(
                "report.wrong_type",
                notebook=notebook,
                name=parameter.name,
                kind=t(f"report.kind_{parameter.kind.replace('[', '_').rstrip(']')}"),
                value=shown,
                meaning=parameter.meaning or "–",
            )
        ) from None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(value)
    return value


def _whole(value: object) -> int:
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?\d+\s*", value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(value)
    return value


def _decimal(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(value)
    number = float(value)
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError(value)
    return number


def _flag(value: object) -> bool:
    if isinstance(value, str) and value.strip().lower() in (*_YES, *_NO):
        return value.strip().lower() in _YES
    if not isinstance(value, bool):
        raise ValueError(value)
    return value


def _several(value: object) -> list:
    if isinstance(value, str):
        text = value.strip()
        value = (
            json.loads(text)
            if text.startswith("[")
            else [part.strip() for part in text.split(",") if part.strip()]
        )
    if not isinstance(value, list | tuple):
        raise ValueError(value)
    return list(value)


_CHECKS = {
    "str": _text,
    "int": _whole,
    "float": _decimal,
    "bool": _flag,
    "list[str]": lambda value: [_text(part) for part in _several(value)],
    "list[int]": lambda value: [_whole(part) for part in _several(value)],
}
