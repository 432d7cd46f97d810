"""Who is let in: each link one browser, a proxy's secret always, and nobody by guessing."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from flipstats.dashboard.entry import OneTime, Secret


class Asked:
    """Stands for a request: what it brings, and whether a cookie of ours is with it."""

    def __init__(self, token="", header=None, user=None):
        self.request = type("Request", (), {"headers": {"Authorization": header} if header else {}})()
        self.log = type("Log", (), {"debug": lambda *_: None})()
        self.given, self.user = token, user

    def get_argument(self, name, default):
        return self.given or default


def asks(door, **brings):
    with ThreadPoolExecutor(1) as alone:  # the browser of other tests keeps a loop in this thread
        return alone.submit(asyncio.run, door.get_user_token(Asked(**brings))).result()


@pytest.fixture
def cookies(monkeypatch):
    for kind in (Secret, OneTime):
        monkeypatch.setattr(kind, "get_user_cookie", lambda self, handler: handler.user)


@pytest.mark.usefixtures("cookies")
def test_a_link_lets_in_one_browser_and_the_next_link_another():
    told = []
    door = OneTime(token="first", spent=told.append)
    assert asks(door, token="wrong") is None
    assert asks(door, token="") is None
    assert told == [], "a wrong link uses nothing up"
    assert asks(door, token="first") is not None
    assert asks(door, token="first") is None, "a second browser with the same link"
    assert len(told) == 1
    assert asks(door, token=told[0]) is not None
    assert asks(door, token=told[0]) is None


@pytest.mark.usefixtures("cookies")
def test_a_browser_that_was_let_in_stays_who_it_was():
    door = OneTime(token="first")
    assert asks(door, token="first", user="somebody") == "somebody"


@pytest.mark.usefixtures("cookies")
def test_a_proxy_brings_its_secret_with_every_request():
    door = Secret(token="the-secret-of-a-proxy")
    for _ in range(3):
        assert asks(door, header="token the-secret-of-a-proxy") is not None
    assert asks(door, header="Basic the-secret-of-a-proxy") is None
    assert asks(door, header="token the-secret-of-a-prox") is None
    assert asks(door) is None


def test_the_secret_does_not_excuse_a_request_from_a_foreign_site():
    assert Secret(token="x").should_check_origin(Asked()) is True
