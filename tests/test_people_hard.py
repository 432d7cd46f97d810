"""Who is who where names are hard: accents, particles, order, capitals, double names, short ones, nicknames, typos."""

from __future__ import annotations

import random
import unicodedata

import polars as pl
import pytest

from flipstats.build.people import called, who_is_who

FIRST = ["Aïcha", "Zoë", "Hélène", "Jérôme", "François", "Jean-Baptiste", "Anne-Sophie", "Thaïs", "Loïc", "Éléonore", "Désiré", "Marion", "Camille", "Lucas", "Théo", "Łukasz", "Siobhán", "Søren", "Özlem", "José-María", "Pierre-Yves", "Ngọc", "João", "Åsa", "Jürgen", "Martin", "Paul", "Thomas", "Simon", "Robert"]  # fmt: skip
LAST = ["Lefèvre", "Girard", "Dupré", "Muller", "Noël", "Bœuf", "Kérouédan", "N'Guessan", "O'Neill", "D'Almeida", "Goff", "Wójcik", "Nguyễn", "Gonçalves", "Ñáñez", "Sørensen", "Größer", "Yıldız", "Salah", "Tour", "Roy", "Clément", "Martin", "Paul", "Thomas", "Simon", "Robert", "Dupont-Durand", "Saint-Exupéry"]  # fmt: skip
PARTICLES = ("de la ", "du ", "d'", "van der ", "von ", "El ", "Ben ", "Le ", "Al-", "")
SHORT = {"Jean-Baptiste": "JB", "Camille": "Cam", "Lucas": "Luc", "Théo": "Teo"}
PLAIN = str.maketrans({"ł": "l", "Ł": "L", "ø": "o", "œ": "oe", "ß": "ss", "ı": "i"})


def plain(text):
    folded = unicodedata.normalize("NFKD", text.translate(PLAIN))
    return "".join(c for c in folded if not unicodedata.combining(c))


def typo(draw, text):
    at = draw.randrange(1, len(text) - 2)
    return draw.choice([text[:at] + text[at + 1 :], text[:at] + text[at + 1] + text[at] + text[at + 2 :]])


WRITTEN = {
    "exact": lambda a, b, _: f"{a} {b}", "upper": lambda a, b, _: f"{a} {b.upper()}",
    "family name first": lambda a, b, _: f"{b.upper()} {a}", "comma": lambda a, b, _: f"{b}, {a}",
    "no accents": lambda a, b, _: plain(f"{a} {b}"), "no hyphens": lambda a, b, _: f"{a} {b}".replace("-", " "),
    "lower": lambda a, b, _: f"{a} {b}".lower(), "other apostrophe": lambda a, b, _: f"{a}  {b}".replace("'", "’"),
    "nickname": lambda a, b, _: f"{SHORT.get(a, a[:3])} {b}", "typo": lambda a, b, draw: typo(draw, f"{a} {b}"),
    "short": lambda a, b, _: f"{a.split()[0].partition(chr(45))[0]} {b}",
}  # fmt: skip
SAME_NAME = (
    "exact",
    "upper",
    "family name first",
    "comma",
    "no accents",
    "no hyphens",
    "lower",
    "other apostrophe",
)


def roster(draw, size=100):
    """Return (first, last) of `size` people, a few of whom share a name."""
    people = []
    while len(people) < size:
        first, last = draw.choice(FIRST), draw.choice(PARTICLES) + draw.choice(LAST)
        first += f" {draw.choice(FIRST)}" if draw.random() < 0.06 else ""
        last += f"-{draw.choice(LAST)}" if draw.random() < 0.08 else ""
        if (first, last) not in people or draw.random() < 0.3:
            people.append((first, last))
    return people


def exports(draw, people):
    """Return the sources, and for each (source, person key) who it truly is; strangers are below 0."""
    rows, truth = {}, {}

    def add(source, form, key, who, identities):
        rows.setdefault((source, form), []).extend((key, kind, value) for kind, value in identities)
        truth[source, key] = who

    for i, (first, last) in enumerate(people):
        mail, name = f"p{i}@x.org", f"{first} {last}"
        add("list", "moodle_participants", f"mail:{mail}", i, [("email", mail), ("name", name)])
        add("log", "moodle_log", f"moodle:{i}", i, [("id", str(i)), ("name", name)])
        add("teams", "teams_attendance", f"mail:{mail}", i, [("email", mail), ("name", f"{last} {first}")])
        add("sign", "edusign", f"edusign:{i}", i, [("id", f"s{i}"), ("email", mail), ("name", name)])
        for source, ways in (("zoom", list(WRITTEN)), ("sheet", SAME_NAME)):
            if draw.random() < 0.7:
                written = WRITTEN[draw.choice(ways)](first, last, draw)
                add(source, source, f"{i}|{written}", i, [("name", written)])
    known = {called(f"{first} {last}") for first, last in people}
    for j in range(6):
        first, last = draw.choice(people)
        name = typo(draw, f"{first} {last}")
        if called(name) not in known:
            add("zoom", "zoom", f"stranger {j}", -1 - j, [("name", name)])
    schema = ["person", "kind", "value"]
    return [(*key, pl.DataFrame(of, schema=schema, orient="row")) for key, of in rows.items()], truth


@pytest.mark.parametrize("seed", range(6))
def test_nearly_all_join_and_not_one_wrongly(seed):
    draw = random.Random(seed)
    sources, truth = exports(draw, roster(draw))
    directory = who_is_who(sources)
    anchor = {directory.of_node[node]: who for node, who in truth.items() if node[0] == "list"}
    assert len(anchor) == 100
    joined = {node: anchor.get(directory.of_node.get(node, -1)) for node in truth}
    assert {node: who for node, who in joined.items() if who is not None and who != truth[node]} == {}
    learners = [node for node, who in truth.items() if who >= 0]
    assert sum(joined[node] is not None for node in learners) >= 0.93 * len(learners)


@pytest.mark.parametrize("way", SAME_NAME)
def test_every_way_to_write_a_name_is_the_same_name(way):
    for first, last in [("Jean-Baptiste", "Le Goff"), ("Søren", "d'Œuvre"), ("Zoë Ngọc", "Yıldız-Größer")]:
        assert called(WRITTEN[way](first, last, None)) == called(f"{first} {last}")


def people(**rows):
    return [(name, name, pl.DataFrame(of, schema=["person", "kind", "value"], orient="row"))
            for name, of in rows.items()]  # fmt: skip


def test_a_name_that_is_part_of_another_s_joins_nobody():
    """Désiré Marie O'Neill may well call himself Désiré O'Neill, as another learner is called."""
    both = [("a", "email", "a@x.org"), ("a", "name", "Désiré O'Neill"),
            ("b", "email", "b@x.org"), ("b", "name", "Désiré Marie O'Neill")]  # fmt: skip
    directory = who_is_who(people(moodle=both, zoom=[("z", "name", "O'NEILL Désiré")]))
    assert ("zoom", "z") not in directory.of_node
    assert len(directory.ambiguous["zoom", "z"]) == 2
    alone = who_is_who(people(moodle=both[:2], zoom=[("z", "name", "O'NEILL Désiré")]))
    assert alone.of_node["zoom", "z"] == alone.of_node["moodle", "a"]


def test_two_whose_names_are_each_other_s_in_another_order_are_namesakes():
    both = [("a", "email", "a@x.org"), ("a", "name", "Paul Martin"),
            ("b", "email", "b@x.org"), ("b", "name", "Martin Paul")]  # fmt: skip
    directory = who_is_who(people(moodle=both, zoom=[("z", "name", "Paul Martin")]))
    assert ("zoom", "z") not in directory.of_node
