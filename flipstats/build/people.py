"""Who is who: one learner across sources, by e-mail, id, then a name that only one person has.

Nothing here guesses. An identity that two people could have joins nobody, is counted, and makes what that
source says of either of them unknown.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha1

import polars as pl

from flipstats.build.sheets import normal
from flipstats.privacy import pseudonym

Node = tuple[str, str]  # (source_id, person key of that source)

# The systems whose ids, usernames and id numbers mean the same person in every export of theirs.
_LETTERS = str.maketrans(  # letters that Unicode does not take apart
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"}
)
_FAMILY = re.compile(r"^[a-z]+")


@dataclass(slots=True)
class Person:
    """One person, as the sources that certainly mean the same one describe them."""

    nodes: list[Node] = field(default_factory=list)
    emails: set[str] = field(default_factory=set)
    ids: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    usernames: set[str] = field(default_factory=set)
    groups: set[tuple[str, str]] = field(default_factory=set)  # (source_id, group)
    lms: set[str] = field(default_factory=set)  # ids in the LMS, which a system it opens repeats
    steady: str | None = None  # the identity before a person's decision joined others to it

    @property
    def keys(self) -> set[str]:
        """The names as they are compared."""
        return {key for name in self.names if (key := called(name))}

    def identity(self) -> str:
        """Return the identity the pseudonym is made of: the steadiest one known."""
        if self.steady is not None:
            return self.steady
        if self.emails:
            return "email:" + min(self.emails)
        if self.ids:
            return "id:" + min(self.ids)
        return "name:" + min(self.names, default="")


@dataclass(slots=True)
class Directory:
    """Everybody, and what could not be settled.

    Attributes
    ----------
    people : list of Person
        Each certainly one person.
    of_node : dict
        (source, person key) to the index in `people`; absent where the identity is ambiguous.
    ambiguous : dict
        (source, person key) to the indexes of the people it could be.
    doubles : set
        (source, person key) known by a name only that another person of that source has too.
    staff : set of int
        Who is staff by a person's decision; see `flipstats.build.review`.
    admitted : dict of int to str
        Who is a learner of a cohort by a person's decision.
    """

    people: list[Person]
    of_node: dict[Node, int]
    ambiguous: dict[Node, frozenset[int]]
    doubles: set[Node] = field(default_factory=set)
    staff: set[int] = field(default_factory=set)
    admitted: dict[int, str] = field(default_factory=dict)

    def learner_ids(self, key: bytes) -> list[str]:
        """Return the pseudonym of each person, in order."""
        return [pseudonym(key, person.identity()) for person in self.people]


@lru_cache(maxsize=1 << 16)
def called(name: str) -> str:
    """Return a full name as it is compared: its words in one order, without case, accents or punctuation.

    Systems write family names first or last, in capitals, before a comma, with or without hyphens.

    Examples
    --------
    >>> called("LE GOFF, Jean-Baptiste") == called("Jean Baptiste Le Goff"), called("Søren Bœuf")
    (True, 'boeuf soren')
    """
    return " ".join(sorted(re.findall(r"[^\W_]+", normal(name).translate(_LETTERS))))


def who_is_who(sources: Sequence[tuple[str, str, pl.DataFrame]]) -> Directory:
    """Join the identities of all sources.

    Parameters
    ----------
    sources : sequence of (source_id, format, people)
        `people` has ``person, kind, value``; see `flipstats.readers.base`.

    Returns
    -------
    Directory
    """
    described = _describe(sources)
    certain = _union(described)
    return _by_name(certain)


def _describe(sources: Iterable[tuple[str, str, pl.DataFrame]]) -> dict[Node, Person]:
    nodes: dict[Node, Person] = {}
    digests: dict[Node, str] = {}
    for source_id, form, frame in sources:
        family = _FAMILY.match(form).group()
        for person, kind, value in frame.iter_rows():
            node = (source_id, person)
            one = nodes.get(node) or nodes.setdefault(node, Person(nodes=[node]))
            match kind:
                case "email":
                    one.emails.add(value.strip().casefold())
                case "mbox_sha1":
                    digests[node] = value.strip().casefold()
                case "id" | "idnumber":
                    one.ids.add(f"{family}:{kind}:{value.strip()}")
                    if (family, kind) == ("moodle", "id"):
                        one.lms.add(value.strip())
                case "lms_id":
                    one.lms.add(value.strip())
                case "username":
                    one.usernames.add(f"{family}:{value.strip().casefold()}")
                case "name":
                    one.names.add(normal(value))
                case "group":
                    one.groups.add((source_id, value.strip()))
    if digests:
        addresses = {_mbox_sha1(address): address for one in nodes.values() for address in one.emails}
        for node, digest in digests.items():
            if digest in addresses:
                nodes[node].emails.add(addresses[digest])
    return nodes


def _mbox_sha1(address: str) -> str:
    """Return how xAPI hides an address: the hash of its ``mailto:`` IRI."""
    return sha1(f"mailto:{address}".encode(), usedforsecurity=False).hexdigest()


def _union(nodes: Mapping[Node, Person]) -> list[Person]:
    """Merge the nodes that share an e-mail, an id or a username."""
    parent: dict[Node, Node] = {node: node for node in nodes}

    def root(node: Node) -> Node:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    holder: dict[str, Node] = {}
    for node, person in nodes.items():
        # An id that another system repeats counts with the name: that LMS may be another one.
        named = {f"lms:{lms} {name}" for lms in person.lms for name in person.keys}
        for mark in sorted(person.emails | person.ids | person.usernames | named):
            if mark in holder:
                parent[root(node)] = root(holder[mark])
            else:
                holder[mark] = node
    merged: dict[Node, Person] = {}
    for node, person in nodes.items():
        whole = merged.setdefault(root(node), person)
        if whole is person:  # most are known from one source only
            continue
        whole.nodes += person.nodes
        for part in ("emails", "ids", "names", "usernames", "groups"):
            getattr(whole, part).update(getattr(person, part))
    return list(merged.values())


def _by_name(people: list[Person]) -> Directory:
    """Join those known by name only, and those an LMS knows by id, to the one address with their name."""
    anchored = [i for i, person in enumerate(people) if person.emails]
    floating = [i for i, person in enumerate(people) if not person.emails]
    holders: dict[str, set[int]] = defaultdict(set)
    for i in anchored:
        for name in people[i].keys:
            holders[name].add(i)
    words: dict[str, set[int]] = defaultdict(set)
    for name, of in holders.items():
        for word in name.split():
            words[word] |= of
    rivals: dict[str, set[int]] = defaultdict(set)  # people with an id of their own and this name
    for i in floating:
        if people[i].ids:
            for name in people[i].keys:
                rivals[name].add(i)
    beside: dict[tuple[str, str], set[int]] = defaultdict(set)  # people of one source and one name
    for i, person in enumerate(people):
        for source_id in {source_id for source_id, _ in person.nodes}:
            for name in person.keys:
                beside[source_id, name].add(i)
    target: dict[int, int] = {}
    ambiguous: dict[Node, frozenset[int]] = {}
    doubles: set[Node] = set()
    for i in floating:
        if not people[i].ids and _twice(i, people, beside):
            doubles.update(people[i].nodes)
        could_be = set().union(*(holders[name] for name in people[i].keys))
        # An address that already has another id of the same system is another person.
        could_be -= {j for j in could_be if _other_id(people[i], people[j])}
        if not people[i].ids and len(could_be) == 1:  # a name shortened to another's
            could_be |= _longer(people[i], words)
        shared = _shared(i, people, rivals) if people[i].ids else _twice(i, people, beside)
        if len(could_be) == 1 and not shared:
            target[i] = could_be.pop()
        elif could_be:
            ambiguous.update(dict.fromkeys(people[i].nodes, frozenset(could_be)))
    return _directory(people, target, ambiguous, doubles)


def _longer(person: Person, words: Mapping[str, set[int]]) -> set[int]:
    """Return whose names have all the words of a name of this person: its bearer may have left one out."""
    return set().union(*(set.intersection(*(words[word] for word in key.split())) for key in person.keys))


def _shared(i: int, people: list[Person], rivals: Mapping[str, set[int]]) -> bool:
    """Return whether another id of the same system bears a name of this person."""
    return any(
        _other_id(people[i], people[j]) for name in people[i].keys for j in rivals.get(name, ()) if j != i
    )


def _twice(i: int, people: list[Person], beside: Mapping[tuple[str, str], set[int]]) -> bool:
    """Return whether a source that knows this person by name only knows two of that name."""
    sources = {source_id for source_id, _ in people[i].nodes}
    return any(len(beside[source_id, name]) > 1 for source_id in sources for name in people[i].keys)


def _other_id(one: Person, other: Person) -> bool:
    def kinds(person: Person) -> dict[str, set[str]]:
        out: dict[str, set[str]] = defaultdict(set)
        for mark in person.ids:
            out[mark.rsplit(":", 1)[0]].add(mark)
        return out

    mine, theirs = kinds(one), kinds(other)
    return any(mine[kind].isdisjoint(theirs[kind]) for kind in mine.keys() & theirs.keys())


def _directory(
    people: list[Person],
    target: Mapping[int, int],
    ambiguous: Mapping[Node, frozenset[int]],
    doubles: set[Node],
) -> Directory:
    for i, j in target.items():
        for part in ("nodes", "ids", "names", "usernames", "groups"):
            mine, other = getattr(people[j], part), getattr(people[i], part)
            mine.extend(other) if isinstance(mine, list) else mine.update(other)
    kept = [i for i in range(len(people)) if i not in target]
    position = {i: n for n, i in enumerate(kept)}
    of_node = {node: position[i] for i in kept for node in people[i].nodes if node not in ambiguous}
    unsettled = {
        node: frozenset(position[j] for j in could_be if j in position)
        for node, could_be in ambiguous.items()
    }
    return Directory([people[i] for i in kept], of_node, unsettled, doubles)


def is_staff(person: Person, staff: Iterable[str]) -> bool:
    """Return whether the study file names this person, by address or full name, as staff."""
    words = {word.strip().casefold() for word in staff}
    return bool(words & person.emails or {called(word) for word in staff} & person.keys)
