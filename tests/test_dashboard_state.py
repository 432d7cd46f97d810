"""What a page may be asked, what it answers, and what it never lets a browser decide."""

import json
import os
import subprocess
import sys
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flipstats import i18n
from flipstats.dashboard import lab, serve
from flipstats.dashboard.environment import environment, jupyter_path, one_of, usable_port
from flipstats.dashboard.secret import secret_of
from flipstats.dashboard.state import Choice, Control, Form, Option, read_language, read_query
from flipstats.errors import ParameterError, StudyError
from flipstats.shipped import shipped

FORM = Form(
    (
        Control("iteration", "Iteration", [Option("1", "First"), Option("2", "Second")], "All iterations"),
        Control(
            "cohort",
            "Cohort",
            [
                Option("A", "Group A", {"iteration": "1"}),
                Option("B & C", "Group <B>", {"iteration": "2"}),
                Option("D", "Group D"),
            ],
            "All cohorts",
        ),
        Control(
            "session",
            "Session",
            [Option("A1", "1", {"cohort": "A", "iteration": "1"}), Option("D1", "1", {"cohort": "D"})],
        ),
    )
)
EVERYTHING = Choice.of(session="A1")
HOSTILE = [
    "cohort=../../etc/passwd",
    "cohort=<script>alert(1)</script>",
    "cohort=A'%20OR%201=1&iteration=-1",
    "iteration=1e9&lang=de",
    "lang=fr<script>&cohort=%00",
    "cohort=" + "A" * 100_000,
    "&&&===;;;%%%",
    "cohort[]=A&iteration[$gt]=0",
]


# ----------------------------------------------------------------------------------------------- queries


def test_a_link_says_what_is_shown_and_nothing_else_gets_in():
    assert read_query("cohort=B+%26+C&iteration=2&lang=fr", FORM) == Choice.of(cohort="B & C", iteration=2)
    assert read_query("cohort=A&iteration=2", FORM) == Choice.of(iteration=2, session="D1")
    assert read_query("", FORM) == EVERYTHING
    assert read_query("cohort=D&session=A1", FORM) == Choice.of(cohort="D", session="D1")
    assert read_query("session=D1&session=A1&other=1", FORM) == Choice.of(session="D1")
    assert read_language("cohort=A&lang=fr", "en") == "fr"
    assert read_language("cohort=A", "fr") == "fr"


@pytest.mark.parametrize("query", HOSTILE, ids=lambda q: q[:30])
def test_a_hostile_link_falls_back_to_everything(query):
    assert read_query(query, FORM) == EVERYTHING
    assert read_language(query, "en") == "en"


@given(st.text(max_size=300))
def test_any_text_gives_a_choice_that_is_offered(query):
    choice = read_query(query, FORM)
    assert FORM.check(choice) == choice
    assert read_language(query, "en") in i18n.LANGUAGES


@given(
    st.dictionaries(
        st.sampled_from(["iteration", "cohort", "session", "x"]),
        st.sampled_from(["1", "2", "A", "D", "A1", "D1"]),
    )
)
def test_what_is_settled_is_offered_and_settling_again_changes_nothing(wanted):
    choice = FORM.settle(wanted)
    for name, value in choice.chosen:
        assert value in [option.value for option in FORM.offered(name, choice)]
    assert FORM.settle(dict(choice.chosen)) == choice


@pytest.mark.parametrize(
    "wanted", ["", "cohort=A", "cohort=B+%26+C&iteration=2", "iteration=1", "session=D1"]
)
def test_a_link_made_from_a_choice_reads_back(wanted):
    choice = read_query(wanted, FORM)
    assert read_query(choice.query("fr"), FORM) == choice
    assert parse_qs(choice.query("fr"))["lang"] == ["fr"]


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (Choice.of(cohort="Z"), "Cohort: 'Z' is not in this study"),
        (Choice.of(cohort="A", iteration=2), "Cohort: 'A' is not in this study"),
        (Choice.of(iteration=9), "Iteration: '9' is not in this study"),
        (Choice.of(cohort="D", session="A1"), "Session: 'A1' is not in this study"),
    ],
)
def test_a_choice_from_a_browser_is_checked_again(choice, message):
    with pytest.raises(ParameterError) as refused:
        FORM.check(choice)
    assert str(refused.value) == message


# ------------------------------------------------------------------------------------- roles, ports, pages


def test_a_wrong_option_is_refused_before_anything_starts(tmp_path):
    with pytest.raises(ParameterError) as refused:
        serve.serve(tmp_path, role="manger")
    assert str(refused.value) == "role: 'manger' is not allowed; did you mean 'manager'?"
    with pytest.raises(ParameterError) as refused:
        serve.serve(tmp_path, viewers=0)
    assert str(refused.value) == "viewers: 0 is not allowed; it is from 1 to 100"
    with pytest.raises(ParameterError) as refused:
        serve.serve(tmp_path, page="../programme")
    assert str(refused.value).startswith("page: '../programme' is not allowed")
    with pytest.raises(StudyError):
        serve.serve(tmp_path)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"base_url": "/a b/"}, "base_url: '/a b/' is no path such as /stats/"),
        ({"base_url": "/x?y"}, "base_url: '/x?y' is no path such as /stats/"),
        ({"host_name": "a/b"}, "host_name: 'a/b' is no name such as stats.example.org"),
    ],
)
def test_a_path_or_name_that_is_none_is_refused(wrong, message):
    with pytest.raises(ParameterError) as refused:
        serve.path_of(wrong["base_url"]) if "base_url" in wrong else serve.name_of(wrong["host_name"])
    assert str(refused.value) == message


def test_the_secret_of_a_proxy_is_long_and_is_announced_nowhere(tmp_path):
    file = tmp_path / "secret"
    with pytest.raises(ParameterError) as refused:
        secret_of(file)
    assert str(refused.value) == f"there is no file {file} with the secret of the proxy"
    file.write_text("short\n")
    with pytest.raises(ParameterError) as refused:
        secret_of(file)
    assert str(refused.value) == f"the secret in {file} is too short: it has at least 16 characters"
    file.write_text("sixteen-letters!\n")
    assert secret_of(file) == "sixteen-letters!"
    assert serve.Door(1, "sixteen-letters!", "/s/").url(hide=True) == "http://127.0.0.1:1/s/"


def test_a_taken_port_is_refused_and_a_free_one_is_found():
    import socket

    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        with pytest.raises(ParameterError) as refused:
            usable_port(port, 8866)
        assert str(refused.value) == (
            f"port {port} is already taken; choose another, or let flipstats choose"
        )
        assert usable_port(None, port) > port
    with pytest.raises(ParameterError):
        one_of("port", 70000, range(1, 65536))


def test_environment_is_put_back(monkeypatch):
    monkeypatch.setenv("FLIPSTATS_ROLE", "research")
    monkeypatch.delenv("FLIPSTATS_STUDY", raising=False)
    with environment({"FLIPSTATS_ROLE": "manager", "FLIPSTATS_STUDY": "x"}):
        assert os.environ["FLIPSTATS_ROLE"] == "manager"
    assert os.environ["FLIPSTATS_ROLE"] == "research"
    assert "FLIPSTATS_STUDY" not in os.environ


# -------------------------------------------------------------------------------------------- the server


def _configured(tmp_path):
    door = serve.Door(8899, "secret", "/stats/", "stats.example.org")
    notebook = shipped("dashboards") / "manager.ipynb"
    return serve._configuration(notebook, door, viewers=3, lang="fr", runtime=tmp_path)


def test_server_listens_on_this_machine_only_with_a_token_and_no_tracebacks(tmp_path):
    config = _configured(tmp_path)
    assert (config.Voila.ip, config.Voila.port, config.Voila.port_retries) == ("127.0.0.1", 8899, 0)
    assert config.Voila.token == "secret"
    assert config.Voila.base_url == "/stats/"
    assert config.Voila.tornado_settings["allow_remote_access"] is False
    assert config.Voila.tornado_settings["local_hostnames"] == ["localhost", "stats.example.org"]
    assert config.IdentityProvider.cookie_options["expires_days"] is None, "a cookie ends with its browser"
    assert config.VoilaConfiguration.show_tracebacks is False
    assert config.VoilaConfiguration.strip_sources is True
    assert config.VoilaConfiguration.file_allowlist == []
    assert config.VoilaConfiguration.default_pool_size == 3
    assert config.MappingKernelManager.cull_idle_timeout == 600
    policy = config.Voila.tornado_settings["headers"]["Content-Security-Policy"]
    assert "http" not in policy, "no outside address may be asked, whatever a page holds"


def test_template_is_found_on_the_path_given_to_voila(monkeypatch):
    from voila.paths import collect_template_paths

    monkeypatch.setenv("JUPYTER_PATH", jupyter_path())
    first = collect_template_paths(["voila", "nbconvert"], serve.TEMPLATE, prune=True)[0]
    assert first.endswith("flipstats/dashboard/voila_template/voila/templates/flipstats")


def test_template_and_style_ask_nothing_of_the_outside():
    from flipstats.dashboard.environment import JUPYTER_SHARE

    for file in JUPYTER_SHARE.rglob("*"):
        if file.suffix in {".j2", ".js", ".css"}:
            text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
            assert "http:" not in text, file.name
            assert "https:" not in text, file.name
            assert "//cdn" not in text, file.name


def test_template_speaks_both_languages():
    texts = serve.template_texts()
    assert texts["fr"].keys() == texts["en"].keys()
    assert texts["fr"]["loading"] == "Préparation de la page…"
    json.dumps(texts)


# ------------------------------------------------------------------------------------------- the notebooks


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A folder of shipped notebooks that the test may change, and a study folder."""
    source, study = tmp_path / "shipped", tmp_path / "study"
    source.mkdir()
    study.mkdir()
    (source / "one.ipynb").write_text("{1}")
    (source / "two.ipynb").write_text("{2}")
    monkeypatch.setattr(lab, "shipped", lambda what: source)
    return source, study


def test_notebooks_are_copied_once_and_changes_are_kept(shelf):
    source, study = shelf
    assert lab.copy_notebooks(study).written == ("one.ipynb", "two.ipynb")
    assert lab.copy_notebooks(study) == lab.Copied((), ())
    (study / "notebooks" / "one.ipynb").write_text("{mine}")
    (source / "one.ipynb").write_text("{1, newer}")
    (source / "two.ipynb").write_text("{2, newer}")
    assert lab.copy_notebooks(study) == lab.Copied(("two.ipynb",), ("one.ipynb",))
    assert (study / "notebooks" / "one.ipynb").read_text() == "{mine}"
    assert (study / "notebooks" / "two.ipynb").read_text() == "{2, newer}"


def test_a_notebook_that_flipstats_did_not_write_is_never_overwritten(shelf):
    _, study = shelf
    (study / "notebooks").mkdir()
    (study / "notebooks" / "one.ipynb").write_text("{was there}")
    assert lab.copy_notebooks(study) == lab.Copied(("two.ipynb",), ("one.ipynb",))
    assert (study / "notebooks" / "one.ipynb").read_text() == "{was there}"


def test_catalogues_of_the_page_have_the_same_placeholders():
    import string

    texts = {lang: i18n.catalogue(lang) for lang in i18n.LANGUAGES}
    for key in (k for k in texts["en"] if k.startswith("page.")):
        found = []
        for lang in i18n.LANGUAGES:
            text = texts[lang][key]
            forms = text.values() if isinstance(text, dict) else [text]
            found.append({name for form in forms for _, name, *_ in string.Formatter().parse(form) if name})
        assert found[0] == found[1], key


def test_a_server_goes_on_when_nobody_reads_what_it_says():
    code = (
        "import sys; from flipstats.dashboard.environment import say; sys.stdin.read();"
        "say('one'); say('two'); print('alive', file=sys.stderr)"
    )
    command = [sys.executable, "-c", code]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as server:
        server.stdout.close()
        server.stdin.close()
        assert server.stderr.read() == "alive\n"
    assert server.returncode == 0
