"""What kernels are handed of the page `manager`, and what becomes of what a browser sends back."""

import json
import pickle
from contextlib import suppress

import pytest
from page_blocks import blocks, told
from page_study import GROUPS, page_study
from traitlets import TraitError

from flipstats.dashboard import manager as manager_page
from flipstats.dashboard import ready, view
from flipstats.dashboard.manager import Manager
from flipstats.dashboard.state import Choice, Content, Control, Form, Option
from flipstats.errors import ParameterError
from flipstats.i18n import in_language


@pytest.fixture(scope="module")
def study():
    """The small study of the pages."""
    return page_study()


@pytest.fixture(scope="module")
def manager(study):
    """What a manager's page is made from."""
    return Manager(study, "manager", "fr")


# ------------------------------------------------------------------------------------------- the hand-over


def handed_over(study, folder, monkeypatch):
    """Save a study, work out the numbers of its page, and hand them to kernels; returns where, and them."""
    place = str(study.save(folder / "study"))
    made = ready.numbers_of("manager", place, "manager", "fr")
    for name, value in ready.hand_over(made, folder).items():
        monkeypatch.setenv(name, value)
    return place, made


def test_numbers_handed_to_kernels_say_the_same(tmp_path, study, monkeypatch):
    folder, made = handed_over(study, tmp_path, monkeypatch)
    monkeypatch.setattr(ready, "open_study", lambda path: pytest.fail("made again"))
    found = ready.numbers_of("manager", folder, "manager", "fr")
    with in_language("fr"):
        one, other = (blocks(n.state.content(Choice.of(cohort="F1"))) for n in (made, found))
    assert [told(b) for b in one.values()] == [told(b) for b in other.values()]


class Stub:
    """Stands for the numbers of a page where only what they were made from matters."""

    language = "en"

    def __init__(self, study, role, lang):
        self.title = study.programme.title

    def form(self):
        return Form((Control("cohort", "Cohort", [Option("A", "Group A"), Option("B", "Group B")], "All"),))

    def content(self, choice):
        return Content(self.title, "", "", [], [], [])


@pytest.fixture
def stub(monkeypatch):
    monkeypatch.setattr(manager_page, "Manager", Stub)


@pytest.mark.usefixtures("stub")
def test_numbers_for_another_role_or_another_snapshot_are_made_again(tmp_path, study, monkeypatch):
    folder, made = handed_over(study, tmp_path, monkeypatch)
    assert ready.numbers_of("manager", folder, "manager", "fr").made_from == made.made_from
    assert ready.numbers_of("manager", folder, "research", "fr").made_from != made.made_from
    page_study(seed=8).save(tmp_path / "study")
    assert ready.numbers_of("manager", folder, "manager", "fr").made_from != made.made_from


def test_no_learner_is_in_what_kernels_get(manager):
    handed = pickle.dumps(manager)
    assert b"LF100" not in handed, "not a single pseudonym"


# ------------------------------------------------------------------------------------------------ the view


@pytest.fixture
def page(manager):
    """A manager's page, opened by a link to a cohort."""
    return view.Page(manager, "cohort=F1&lang=en")


def views(page):
    """Return the figure widgets of a page by key."""
    return {key: plot for section in page._views.values() for key, plot in section.items()}


def test_a_link_opens_on_its_choice(page):
    assert (page.lang, page._controls["cohort"].value, page._controls["iteration"].value) == ("en", "F1", "")
    assert page._address.now["query"] == "lang=en&cohort=F1"
    assert "Groupe &lt;F1&gt; &amp; « flipped »" in page._head.value


def test_a_choice_changes_every_block_once(page):
    before = {key: plot.block for key, plot in views(page).items()}
    page._controls["cohort"].value = "F2"
    after = {key: plot.block for key, plot in views(page).items()}
    assert all(after[key]["rev"] == before[key]["rev"] + 1 for key in before)
    assert [k for k in before if after[k]["html"] == before[k]["html"]] == [
        "decide",
        "questions",
        "comments",
    ]  # there are none
    assert page._address.now["query"] == "lang=en&cohort=F2"
    assert "F2" in page._address.now["said"]


def test_a_page_made_ready_opens_on_the_link_of_whoever_comes(manager):
    page = view.Page(manager)
    assert page.open("lang=fr") is page
    assert page._turn == 1, "nothing is made again for the one who asks for nothing"
    assert page.open("lang=fr&cohort=F2&iteration=2") is page
    assert (page._controls["iteration"].value, page._controls["cohort"].value, page._turn) == ("2", "F2", 2)
    other = page.open("lang=en&cohort=F1")
    assert (other.lang, other._controls["cohort"].value) == ("en", "F1")
    assert page.widget.comm is None, "the widgets of the page that is not shown are gone"


def test_an_iteration_offers_its_own_cohorts_and_drops_one_that_is_not_in_it(page):
    page._controls["iteration"].value = "2"
    assert [value for _, value in page._controls["cohort"].options] == ["", "C2", "C3", "F2", "F3", "F4"]
    assert page._controls["cohort"].value == ""
    assert page._choice == Choice.of(iteration=2)
    page._controls["cohort"].value = "F2"
    page._controls["iteration"].value = ""
    assert page._choice == Choice.of(cohort="F2")
    assert len(page._controls["cohort"].options) == 1 + len(GROUPS)


@pytest.mark.parametrize(
    "sent", [{"index": 99}, {"index": -1}, {"index": "<script>"}, {"value": "../secret"}]
)
def test_what_was_not_offered_cannot_be_chosen(page, sent):
    """A browser may send anything: the control refuses it or takes it for "all", and the page stays whole."""
    with suppress(TraitError, IndexError, TypeError):
        page._controls["cohort"].set_state(sent)
    assert page._choice in (Choice.of(cohort="F1"), Choice())
    assert page._problem.value == ""


def test_text_of_the_data_never_becomes_markup(page):
    everything = page._head.value + "".join(plot.block["html"] for plot in views(page).values())
    assert "<F1>" not in everything
    assert "Sécurité <incendie>" not in everything


def test_what_flipstats_refuses_is_told_and_the_page_stays(page, monkeypatch):
    def refuse(choice):
        raise ParameterError("no <such> thing")

    monkeypatch.setattr(page._state, "content", refuse)
    page._controls["cohort"].value = "F3"
    assert page._problem.value == '<div class="fs-message" role="alert"><p>no &lt;such&gt; thing</p></div>'


def test_a_fault_of_ours_is_told_and_not_swallowed(page, monkeypatch):
    def fail(choice):
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(page._state, "content", fail)
    with pytest.raises(ZeroDivisionError):
        page._controls["cohort"].value = "F3"
    assert "still shows the one before" in page._problem.value
    assert "secret detail" not in page._problem.value


def test_plotly_is_given_only_to_a_page_that_lacks_it(page, monkeypatch):
    plot, sent = views(page)["means"], []
    monkeypatch.setattr(plot, "send", sent.append)
    plot._answer(plot, {"ask": "plotly"}, [])
    assert sent[0]["plotly"].startswith("/**\n* plotly.js (cartesian")
    assert json.loads(sent[0]["head"].split('id="fs-theme">')[1].split("</script>")[0])["dark"]
    plot._answer(plot, {"ask": "plotly", "more": 1}, [])
    assert len(sent) == 1


# ------------------------------------------------------------------------------------------------- prepare


def test_prepare_refuses_in_words_a_viewer_can_read(tmp_path, monkeypatch):
    monkeypatch.setenv("FLIPSTATS_ROLE", "admin")
    assert view.prepare("manager", str(tmp_path)).problem == (
        "role: 'admin' is not allowed; it is one of research, manager, trainer"
    )
    monkeypatch.delenv("FLIPSTATS_ROLE")
    missing = view.prepare("manager", str(tmp_path / "nowhere"))
    assert missing.page is None
    assert "nowhere" in missing.problem
    assert 'role="alert"' in missing.show().value
    assert view.prepare("manger", str(tmp_path)).problem == (
        "page: 'manger' is not allowed; did you mean 'manager'?"
    )


@pytest.mark.usefixtures("stub")
def test_a_study_built_anew_before_the_viewer_came_is_the_one_that_is_shown(tmp_path, study, monkeypatch):
    monkeypatch.delenv("FLIPSTATS_LANG", raising=False)
    folder = tmp_path / "study"
    study.save(folder)
    page = view.prepare("manager", str(folder))
    page_study(title="Anew").save(folder)
    assert "Anew" in page.show().children[1].value


def test_a_kernel_stopped_while_it_starts_shows_no_traceback(tmp_path):
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    from flipstats.dashboard.kernels import Quiet

    async def started_and_stopped(errors):
        kernel = Quiet(kernel_name="python3", shutdown_wait_time=1.0)
        await kernel.start_kernel(stderr=errors, stdout=errors)
        await asyncio.sleep(0.2)
        await kernel.shutdown_kernel()
        return await kernel.is_alive()

    # In a thread of its own: a browser of another test may keep its loop in this one.
    with (tmp_path / "errors").open("w") as errors, ThreadPoolExecutor(1) as apart:
        assert apart.submit(lambda: asyncio.run(started_and_stopped(errors))).result() is False
    assert "Traceback" not in (tmp_path / "errors").read_text()  # what it says of its transport may be there
