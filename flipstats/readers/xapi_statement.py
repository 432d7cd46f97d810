"""One xAPI statement to what flipstats takes from it: who, what, when, how it went."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from flipstats.readers.json_text import instant, number, string
from flipstats.readers.signatures import content

_VIDEO = "https://w3id.org/xapi/video/extensions/"
_CMI5 = re.compile(r"w3id\.org/xapi/cmi5/context/categories/(cmi5|moveon)$")
_CMI5_PROGRESS = "https://w3id.org/xapi/cmi5/result/extensions/progress"
_SUB = re.compile(r"[?&#]subContentId=([\w-]+)")
_MOODLE = re.compile(r"/mod/\w+/view\.php\?(?:.*&)?id=(\d{1,18})(?:$|[&#])")
_DURATION = re.compile(
    r"P(?:(?P<w>\d+(?:\.\d+)?)W)?(?:(?P<d>\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(?P<h>\d+(?:\.\d+)?)H)?(?:(?P<m>\d+(?:\.\d+)?)M)?(?:(?P<s>\d+(?:\.\d+)?)S)?)?"
)
_UNITS = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}
_LONGEST = 31 * 86_400  # seconds


@dataclass(slots=True)
class Statement:
    """One statement; ``sub`` is the part of an H5P activity it is about, None for the whole."""

    record: int
    id: str
    person: str
    identities: list[tuple[str, str, str]]
    verb: str
    iri: str
    sub: str | None
    name: str
    kind: str | None
    at: dt.datetime
    result: dict[str, Any]
    context: dict[str, Any]

    @property
    def registration(self) -> str:
        """The registration, empty where there is none."""
        return string(self.context.get("registration"))

    @property
    def defines(self) -> bool:
        """Whether cmi5 takes the state of the activity from this statement."""
        return any(_CMI5.search(iri) for iri in _iris(self.context, "category"))

    def video(self, name: str) -> Any:
        """Return an extension of the video profile, of the result or else the context."""
        for part in (self.result, self.context):
            extensions = part.get("extensions")
            if isinstance(extensions, dict) and extensions.get(_VIDEO + name) is not None:
                return extensions[_VIDEO + name]
        return None

    @property
    def progress(self) -> float | None:
        """The share done, 0-1, as the video profile or cmi5 states it."""
        extensions = self.result.get("extensions")
        given = loose(extensions.get(_CMI5_PROGRESS)) if isinstance(extensions, dict) else None
        share = given / 100 if given is not None else loose(self.video("progress"))
        if share is None or share < 0 or share > 100:
            return None
        return share if share <= 1 else share / 100

    @property
    def seconds(self) -> float | None:
        """The stated duration."""
        return duration(self.result.get("duration"))


def parse(record: int, value: Any) -> Statement | str:
    """Return a statement, or why it cannot be used (``voided`` verbs are statements like others)."""
    if not isinstance(value, dict):
        return "object_unreadable"
    target, verb = value.get("object"), value.get("verb")
    if not isinstance(target, dict) or not isinstance(verb, dict) or not string(verb.get("id")):
        return "object_unreadable"
    iri, about = string(target.get("id")), string(target.get("objectType")) or "Activity"
    if about in ("Activity", "StatementRef") and not iri:
        return "object_unreadable"
    person, identities = actor(value.get("actor"))
    if not person:
        return "no_person"
    at = instant(value.get("timestamp")) or instant(value.get("stored"))
    if at is None:
        return "no_time"
    word = _word("verbs", string(verb.get("id"))) or "other"
    if about == "Agent" or (about == "StatementRef" and word != "voided"):
        iri = ""  # about somebody, or about what another statement says: no activity of its own
    sub = _SUB.search(iri)
    definition = target.get("definition") if isinstance(target.get("definition"), dict) else {}
    return Statement(
        record,
        string(value.get("id")).casefold(),
        person,
        identities,
        word,
        iri if not sub else iri[: sub.start()],
        sub[1] if sub else None,
        _text(definition.get("name")),
        _word("kinds", string(definition.get("type"))),
        at,
        value["result"] if isinstance(value.get("result"), dict) else {},
        value["context"] if isinstance(value.get("context"), dict) else {},
    )


def resource_key(iri: str) -> str:
    """Return the key of an activity: its course-module id where it is one of Moodle's pages, else its IRI.

    Examples
    --------
    >>> resource_key("https://m.org/mod/hvp/view.php?id=304"), resource_key("https://cdn.org/au/1")
    ('cm:304', 'iri:https://cdn.org/au/1')
    """
    module = _MOODLE.search(iri)
    return f"cm:{module[1]}" if module else f"iri:{iri}"


def actor(given: Any) -> tuple[str, list[tuple[str, str, str]]]:
    """Return (person key, identities) of an agent; an empty key where nobody is named."""
    if isinstance(given, dict) and isinstance(given.get("member"), list) and len(given["member"]) == 1:
        given = given["member"][0]
    if not isinstance(given, dict) or string(given.get("objectType")) == "Group":
        return "", []
    account = given["account"] if isinstance(given.get("account"), dict) else {}
    home, name = string(account.get("homePage")).rstrip("/"), string(account.get("name"))
    mail = re.sub(r"^mailto:", "", string(given.get("mbox")), flags=re.IGNORECASE).casefold()
    found = [("email", mail)] if mail else []
    digest = string(given.get("mbox_sha1sum")).casefold()
    found += [("mbox_sha1", digest)] if re.fullmatch("[0-9a-f]{40}", digest) else []
    found += [("id", string(given.get("openid")))] if string(given.get("openid")) else []
    if home and name:
        found.append(("id", f"{home}|{name}"))
        if re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", name):
            found.append(("email", name.casefold()))
        elif name.isdecimal() and len(name) < 19:
            found.append(("lms_id", name))
    if not found:
        return "", []
    person = f"{found[0][0]}:{found[0][1]}"
    shown = " ".join(string(given.get("name")).split())
    found += [("name", shown)] if shown else []
    return person, [(person, kind, value) for kind, value in found]


def score(result: dict[str, Any]) -> tuple[float | None, float | None, float | None]:
    """Return (share of the maximum, points, maximum); numbers written as text are taken too.

    Examples
    --------
    >>> score({"score": {"raw": "3", "max": "10"}}), score({"score": {"scaled": -0.2}})
    ((0.3, 3.0, 10.0), (0.0, None, None))
    """
    given = result.get("score")
    if not isinstance(given, dict):
        return None, None, None
    scaled, raw, low, high = (loose(given.get(key)) for key in ("scaled", "raw", "min", "max"))
    if scaled is None or abs(scaled) > 1:
        low = low or 0.0
        scaled = (raw - low) / (high - low) if raw is not None and high is not None and high > low else None
    return (None if scaled is None else min(1.0, max(0.0, scaled))), raw, high


def duration(text: Any) -> float | None:
    """Return the seconds of an ISO 8601 duration; None where it has years or months, or is none.

    Examples
    --------
    >>> duration("PT5M12.4S"), duration("P1DT2H"), duration("P1M"), duration("PT")
    (312.4, 93600.0, None, None)
    """
    match = _DURATION.fullmatch(text.strip()) if isinstance(text, str) and len(text) < 60 else None
    if match is None or not any(match.groups()):
        return None
    total = sum(float(match[name]) * unit for name, unit in _UNITS.items() if match[name])
    return total if total <= _LONGEST else None


def loose(value: Any) -> float | None:
    """Return a number, also one written as text."""
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d{1,15}(\.\d{1,20})?", value.strip()):
        return float(value)
    return number(value)


def _iris(context: dict[str, Any], group: str) -> list[str]:
    activities = context.get("contextActivities")
    listed = activities.get(group) if isinstance(activities, dict) else None
    listed = listed if isinstance(listed, list) else [listed]
    return [string(each.get("id")).casefold() for each in listed if isinstance(each, dict)]


def _text(names: Any) -> str:
    """Return a text of a language map: French or English before others."""
    if not isinstance(names, dict):
        return string(names)[:300]
    ranked = sorted(names, key=lambda tag: (not tag.casefold().startswith("fr"), not tag.startswith("en")))
    return next((" ".join(string(names[tag]).split())[:300] for tag in ranked if string(names[tag])), "")


@cache
def _words(group: str) -> dict[str, str]:
    return {iri: meaning for meaning, iris in content("xapi")[group].items() for iri in iris}


@lru_cache(maxsize=4096)
def _word(group: str, iri: str) -> str | None:
    short = re.sub(r"^https?://(www\.)?", "", iri.casefold()).rstrip("/")
    if group == "verbs":
        return _words(group).get(short)
    return next((kind for end, kind in _words(group).items() if short.endswith(end)), None)
