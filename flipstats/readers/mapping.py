"""Mappings: how to read a sheet that no reader knows, said once by a person, in a YAML file.

A mapping names the table the sheet gives (see `mapping_model.TABLES`), how the file is written, which
columns say who, which session, resource or assessment, and what each field's values mean.
Columns are named by their header; case, accents and typographic marks do not matter.
"""

from __future__ import annotations

import types
from pathlib import Path
from typing import Annotated, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from flipstats.errors import InputError, did_you_mean
from flipstats.i18n import has, listing, t
from flipstats.readers.mapping_model import (
    TABLES,
    AdaptationsMapping,
    AttemptsMapping,
    AttendanceMapping,
    ContactsMapping,
    EventsMapping,
    FeedbackMapping,
    Mapping,
)
from flipstats.readers.text import normal

_MODELS: dict[str, type[Mapping]] = dict(
    zip(
        TABLES,
        (
            AttendanceMapping,
            AttemptsMapping,
            EventsMapping,
            FeedbackMapping,
            ContactsMapping,
            AdaptationsMapping,
        ),
        strict=True,
    )
)


def read_mapping(file: Path) -> Mapping:
    """Read and check a mapping file.

    Raises
    ------
    InputError
        The file is absent, is not YAML, has an unknown key (with a suggestion), lacks a required one, or
        has a value that is not allowed; every problem is named in one message.
    """
    try:
        content = parse_yaml(file.read_text(encoding="utf-8-sig"), file.name)
    except FileNotFoundError:
        raise InputError(t("readers_more.mapping_absent", file=file.name)) from None
    except (UnicodeDecodeError, IsADirectoryError) as error:
        raise InputError(t("readers_more.mapping_not_text", file=file.name)) from error
    return check_mapping(content, file.name)


def parse_yaml(text: str, name: str) -> object:
    """Parse YAML with every plain value as text, so that ``yes: present`` and ``09:00`` stay as written.

    Raises
    ------
    InputError
        The text is not YAML; the message says in which line.
    """
    try:
        return yaml.load(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise InputError(t("readers_more.mapping_not_yaml", file=name, line=line)) from error


def check_mapping(content: object, name: str) -> Mapping:
    """Check the content of a mapping file; see `read_mapping`."""
    if not isinstance(content, dict):
        raise InputError(t("readers_more.mapping_not_pairs", file=name))
    model = _MODELS.get(str(content.get("table")))
    if model is None:
        found = repr(content["table"]) if "table" in content else t("readers_more.mapping_nothing")
        raise InputError(t("readers_more.mapping_table", file=name, known=listing(list(TABLES)), found=found))
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise InputError("\n".join(_explain(model, name, problem) for problem in error.errors())) from error


def _explain(model: type[BaseModel], file: str, problem: dict) -> str:
    where = ".".join(str(part + 1 if isinstance(part, int) else part) for part in problem["loc"])
    context = problem.get("ctx", {})
    match problem["type"]:
        case "extra_forbidden":
            known = _siblings(model, problem["loc"][:-1])
            near = did_you_mean(str(problem["loc"][-1]), known)
            hint = (
                t("readers_more.mapping_near", near=near)
                if near
                else t("readers_more.mapping_known", known=", ".join(known))
            )
            return t("readers_more.mapping_unknown_key", file=file, where=where, hint=hint)
        case "missing":
            return t("readers_more.mapping_missing", file=file, where=where)
        case "value_error":
            return t("readers_more.mapping_broken", file=file, where=where or "–", problem=context["error"])
    key = "readers_more.mapping_problem_" + problem["type"]
    text = t(key, **context) if has(key) else t("readers_more.mapping_problem")
    return t(
        "readers_more.mapping_wrong", file=file, where=where, problem=text, found=repr(problem["input"])[:60]
    )


def _siblings(model: type[BaseModel], path: tuple) -> list[str]:
    for part in path:
        inner = _model_of(model.model_fields[part].annotation) if part in model.model_fields else None
        if inner is None:
            return []
        model = inner
    return list(model.model_fields)


def _model_of(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Annotated, Union, types.UnionType):
        return next((found for part in get_args(annotation) if (found := _model_of(part))), None)
    return None


def words(pairs: dict[str, str]) -> dict[str, str]:
    """Return a map of words with its keys in normal form, as cells are compared.

    Examples
    --------
    >>> words({"Présent(e)": "present"})
    {'present(e)': 'present'}
    """
    return {normal(word): meaning for word, meaning in pairs.items()}
