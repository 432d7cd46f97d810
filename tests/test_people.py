"""Who is who: certain joins only, homonyms to nobody, and no name or address in what is saved."""

from hypothesis import given, settings
from hypothesis import strategies as st

from flipstats.build.people import who_is_who
from flipstats.readers.base import people


def directory(*sources):
    return who_is_who([(source, form, people(rows)) for source, form, rows in sources])


ROSTER = (
    "roster",
    "moodle_participants",
    [
        ("a", "email", "aicha@example.org"), ("a", "name", "Aïcha Ben Salah"),
        ("b", "email", "m.martin@example.org"), ("b", "name", "Marie Martin"),
        ("c", "email", "m.martin2@example.org"), ("c", "name", "Marie Martin"),
    ],
)  # fmt: skip
LOG = (
    "log",
    "moodle_log",
    [
        ("1", "id", "1001"), ("1", "name", "aicha ben  SALAH"),
        ("3", "id", "1003"), ("3", "name", "Marie Martin"),
        ("4", "id", "1004"), ("4", "name", "Marie Martin"),
    ],
)  # fmt: skip
BRIDGE = (
    "completion",
    "moodle_course_completion",
    [
        ("x", "id", "1003"), ("x", "email", "M.Martin@example.org"), ("x", "name", "Marie Martin"),
        ("y", "id", "1004"), ("y", "email", "m.martin2@example.org"), ("y", "name", "Marie Martin"),
    ],
)  # fmt: skip


def test_a_unique_name_joins_whatever_its_spelling():
    found = directory(ROSTER, LOG)
    assert found.of_node[("roster", "a")] == found.of_node[("log", "1")]


def test_homonyms_join_nobody_and_are_listed():
    found = directory(ROSTER, LOG)
    assert ("log", "3") not in found.of_node
    both = {found.of_node[("roster", "b")], found.of_node[("roster", "c")]}
    assert found.ambiguous[("log", "3")] == found.ambiguous[("log", "4")] == both


def test_the_course_completion_report_settles_homonyms():
    found = directory(ROSTER, LOG, BRIDGE)
    assert not found.ambiguous
    assert found.of_node[("roster", "b")] == found.of_node[("log", "3")]
    assert found.of_node[("roster", "c")] == found.of_node[("log", "4")]
    assert len(found.people) == 3


def test_one_homonym_with_a_known_id_leaves_the_other_to_the_other():
    half = ("completion", "moodle_course_completion", BRIDGE[2][:3])
    found = directory(ROSTER, LOG, half)
    assert found.of_node[("roster", "c")] == found.of_node[("log", "4")]


def test_two_ids_with_one_name_and_one_address_are_not_guessed():
    alone = ("roster", "moodle_participants", ROSTER[2][2:4])
    found = directory(alone, LOG)
    assert ("log", "3") not in found.of_node
    assert ("log", "4") not in found.of_node


def test_ids_of_different_systems_are_different_people():
    found = directory(
        ("m", "moodle_log", [("p", "id", "7"), ("p", "name", "A A")]),
        ("o", "oulad", [("p", "id", "7"), ("p", "name", "B B")]),
    )
    assert found.of_node[("m", "p")] != found.of_node[("o", "p")]


def test_the_pseudonym_does_not_depend_on_the_sources_at_hand():
    key = b"k" * 32
    few, many = directory(ROSTER), directory(LOG, BRIDGE, ROSTER)
    before = few.learner_ids(key)[few.of_node[("roster", "b")]]
    assert many.learner_ids(key)[many.of_node[("roster", "b")]] == before


names = st.sampled_from(["A A", "B B", "C C", "D D"])
persons = st.lists(st.tuples(names, st.integers(0, 6), st.booleans()), max_size=7, unique_by=lambda p: p[1])


@settings(max_examples=200, deadline=None)
@given(persons)
def test_no_false_join(population):
    """Whoever joins is one true person, whatever names they share and whichever have an address."""
    roster = [
        row
        for name, i, listed in population
        if listed
        for row in ((str(i), "email", f"{i}@e"), (str(i), "name", name))
    ]
    log = [row for name, i, _ in population for row in ((f"l{i}", "id", str(i)), (f"l{i}", "name", name))]
    found = directory(("roster", "moodle_participants", roster), ("log", "moodle_log", log))
    truth: dict[int, set[str]] = {}
    for (_, person), index in found.of_node.items():
        truth.setdefault(index, set()).add(person.lstrip("l"))
    unlisted = {name for name, _, listed in population if not listed}
    for _, i, listed in population:
        name = next(n for n, j, _ in population if j == i)
        index = found.of_node.get(("log", f"l{i}"))
        if index is not None and listed and name not in unlisted:
            assert truth[index] == {str(i)}
    for index, true_people in truth.items():
        with_address = {p for p in true_people if any(str(i) == p and listed for _, i, listed in population)}
        assert len(with_address) <= 1, index
