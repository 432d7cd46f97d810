"""Whom the people of the exports may be, where no rule and no decision says: suggestions, never joins."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from rapidfuzz import fuzz

from flipstats.build.people import Directory, Node, Person
from flipstats.build.review import Record, id_of

_ALIKE = 82.0  # of 100: below it a name is no suggestion
_CLEAR = 8.0  # how far a name must lie behind the likest to be no suggestion beside it
_MANY = 5  # suggestions that a line names at most


def open_records(
    directory: Directory,
    learners: Mapping[int, set[str]],
    others: Callable[[int], bool],
    key: bytes,
    name_of_source: Mapping[str, str],
    shown: Callable[[str, str], Mapping[str, str]],
) -> list[Record]:
    """Return everybody whom no rule and no decision settled, with whom it may be.

    Parameters
    ----------
    learners : mapping of index to cohorts
        The people of the roster.
    others : callable
        Whether a person, by index, is nobody to review: staff, decided, erased.
    name_of_source : mapping of source_id to file name
    shown : callable
        (source_id, person key) to ``name, email, id`` as the source writes them.
    """
    found: dict[str, list[int]] = defaultdict(list)
    for i, person in enumerate(directory.people):
        ambiguous = any(node in directory.ambiguous for node in person.nodes)
        named = person.emails or person.ids or person.names  # a user name that failed is nobody for certain
        if named and person.nodes and not others(i) and (i not in learners or ambiguous):
            found[id_of(person, directory, key, name_of_source)].append(i)
    ids = directory.learner_ids(key)
    names = [(name, i) for i in learners for name in sorted(directory.people[i].names)]
    out = []
    for record, group in found.items():
        nodes = [node for i in group for node in directory.people[i].nodes]
        said: dict[str, str] = {}
        for node in nodes:
            said = {**shown(*node), **said}
        why, who, score = _suggested(directory, group[0], nodes, learners, names)
        lines = {
            "files": tuple(sorted({name_of_source[source] for source, _ in nodes})),
            "suggestion": "|".join(ids[i] for i in who) or None,
            "suggested": " | ".join(_called(directory.people[i], learners[i], shown) for i in who) or None,
        }
        out.append(Record(record, why=why, score=score, **said, **lines))
    return out


def _called(person: Person, cohorts: set[str], shown: Callable[[str, str], Mapping[str, str]]) -> str:
    names = (said["name"] for node in person.nodes if (said := shown(*node)).get("name"))
    said = [*[next(names, "")], *sorted(person.emails)[:1], f"({', '.join(sorted(cohorts))})"]
    return " ".join(part for part in said if part)


def _suggested(
    directory: Directory,
    i: int,
    nodes: Sequence[Node],
    learners: Mapping[int, set[str]],
    names: Sequence[tuple[str, int]],
) -> tuple[str, list[int], int | None]:
    could_be = sorted(set().union(*(directory.ambiguous.get(node, frozenset()) for node in nodes)))
    if could_be:
        return "namesakes", [j for j in could_be if j in learners][:_MANY], None
    who, score = _nearest(directory.people[i], names)
    why = "unknown" if not who else "alike" if len(who) == 1 else "several_alike"
    return why, who, score


def _nearest(person: Person, names: Sequence[tuple[str, int]]) -> tuple[list[int], int | None]:
    """Return whose names are like this person's, the likest and those hardly less so, and how alike."""
    words = person.names or {email.split("@")[0].replace(".", " ") for email in person.emails}
    best: dict[int, float] = {}
    for word in words:
        for other, i in names:
            if (score := fuzz.token_sort_ratio(word, other)) >= _ALIKE:
                best[i] = max(best.get(i, 0.0), score)
    ranked = sorted(best, key=best.__getitem__, reverse=True)
    close = [i for i in ranked if best[ranked[0]] - best[i] < _CLEAR][:_MANY]
    return close, round(best[ranked[0]]) if ranked else None
