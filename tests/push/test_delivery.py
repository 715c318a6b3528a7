"""Delivery of notifications: attempts, bounds, and what answers of push services mean."""

from __future__ import annotations

from collections import Counter

import pytest
from py_vapid import Vapid02
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.python.failure import Failure
from twisted.web.client import ResponseNeverReceived

from chatd.model.errors import Unavailable
from chatd.push import delivery as module
from chatd.push.delivery import (
    ANSWER_SECONDS,
    LONGEST_PAUSE,
    MOST_OF_ACCOUNT,
    MOST_UNDER_WAY,
    MOST_WAITING,
    PAUSES,
    SILENT_SECONDS,
    Check,
    Delivery,
)
from chatd.push.posting import Reply
from chatd.testing.clock import StrictClock

from ..kit.push import Browser

KEY = bytes(range(1, 33))
NOW = 1_800_000_000.0


def always() -> Deferred[bool]:
    """The notification is still to be sent."""
    return succeed(True)


class Service:
    """A push service, and the `Post` that reaches it."""

    def __init__(self) -> None:
        self.clock = StrictClock()
        self.clock.advance(NOW)
        self.counts: Counter[str] = Counter()
        self.asked: list[tuple[str, dict[bytes, list[bytes]], bytes]] = []
        self.open: list[Deferred[Reply]] = []
        self.delivery = Delivery(
            self.clock, self.clock.seconds, "mailto:a@example.org", self, self.counts
        )

    def __call__(self, url: str, headers: dict[bytes, list[bytes]], body: bytes) -> Deferred[Reply]:
        """See `Post`."""
        self.asked.append((url, headers, body))
        answer: Deferred[Reply] = Deferred()
        self.open.append(answer)
        return answer

    def send(
        self, browser: Browser, topic: str = "t", account: str = "", check: Check = always
    ) -> list[bool]:
        """Send a notification; returns whether more are wanted, when that is known.  Without an
        `account`, each browser has its own.
        """
        known: list[bool] = []
        to = browser.subscription(account or browser.endpoint)
        sending = self.delivery.send(to, KEY, b'{"id":7}', topic, check)
        sending.addCallback(known.append)
        return known

    def answer(self, status: int, retry_after: str = "") -> None:
        """Answer the oldest request."""
        self.open.pop(0).callback(Reply(status, retry_after))

    def fail(self) -> None:
        """Let the oldest request fail."""
        self.open.pop(0).errback(Failure(ConnectionRefusedError()))


@pytest.fixture
def service() -> Service:
    """A push service that answers when the test says so."""
    return Service()


def test_a_notification_is_sent_encrypted_and_signed(service: Service) -> None:
    """To the address of the subscription; the browser reads it."""
    browser = Browser()
    known = service.send(browser)
    ((url, headers, body),) = service.asked
    assert url == browser.endpoint
    assert browser.read(body) == {"id": 7}
    assert Vapid02.verify(headers[b"Authorization"][0].decode())
    assert headers[b"Topic"] == [b"t"]
    service.answer(201)
    assert known == [True]
    assert service.counts == {"sent": 1}


@pytest.mark.parametrize("status", [404, 410])
def test_a_browser_that_is_gone_wants_no_more(service: Service, status: int) -> None:
    """The push service does not know the address any more."""
    known = service.send(Browser())
    service.answer(status)
    assert known == [False]
    assert service.counts == {"gone": 1}


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 413])
def test_a_refusal_is_final_and_follows_nowhere(
    service: Service, status: int, logged_warnings: list[str]
) -> None:
    """A redirect is not followed; the log has the service's name, and not the secret address."""
    known = service.send(Browser())
    service.answer(status)
    service.clock.advance(LONGEST_PAUSE)
    assert (known, len(service.asked), service.counts) == ([True], 1, {"refused": 1})
    assert logged_warnings == [f"push.example.net did not take a notification: status {status}"]


@pytest.mark.parametrize("status", [429, 500, 503, None])
def test_a_service_that_is_busy_or_away_is_asked_again_with_longer_pauses(
    service: Service, status: int | None
) -> None:
    """And then the notification is dropped."""
    known = service.send(Browser())
    for number, pause in enumerate(PAUSES, 1):
        assert len(service.asked) == number
        service.fail() if status is None else service.answer(status)
        service.clock.advance(pause - 0.1)
        assert len(service.asked) == number
        service.clock.advance(0.1)
    service.fail() if status is None else service.answer(status)
    assert (known, service.counts, service.delivery.waiting) == ([True], {"failed": 1}, 0)
    assert not service.clock.getDelayedCalls()


def test_a_request_is_encrypted_anew_for_each_attempt(service: Service) -> None:
    """Keys and salt serve for one message."""
    browser = Browser()
    service.send(browser)
    service.answer(503)
    service.clock.advance(PAUSES[0])
    assert service.asked[0][2] != service.asked[1][2]
    assert browser.read(service.asked[1][2]) == {"id": 7}
    service.answer(201)


@pytest.mark.parametrize(
    ("retry_after", "pause"),
    [
        ("120", 120.0),
        ("1", PAUSES[0]),
        ("", PAUSES[0]),
        ("soon", PAUSES[0]),
        ("-5", PAUSES[0]),
        ("Fri, 15 Jan 2027 08:05:00 GMT", 300.0),
        ("Fri, 15 Jan 2021 08:05:00 GMT", PAUSES[0]),
        ("Fri, 99 Jan 2027 08:05:00 GMT", PAUSES[0]),
    ],
)
def test_retry_after_is_obeyed(service: Service, retry_after: str, pause: float) -> None:
    """In seconds or as a date (RFC 9110, section 10.2.3), if it is longer than the own pause."""
    service.send(Browser())
    service.answer(429, retry_after)
    service.clock.advance(pause - 0.1)
    assert len(service.asked) == 1
    service.clock.advance(0.1)
    assert len(service.asked) == 2
    service.answer(201)


def test_a_service_that_wants_a_very_long_pause_is_not_waited_for(service: Service) -> None:
    """By then nobody wants the notification."""
    known = service.send(Browser())
    service.answer(429, "99999999999")
    assert (known, service.counts) == ([True], {"failed": 1})


def test_a_request_without_answer_ends(service: Service) -> None:
    """And is repeated like one that failed."""
    service.send(Browser())
    service.clock.advance(ANSWER_SECONDS)
    service.open.clear()
    service.clock.advance(SILENT_SECONDS)
    assert len(service.asked) == 2
    service.answer(201)
    assert service.counts == {"sent": 1}


def test_a_newer_notification_replaces_one_that_waits(service: Service) -> None:
    """Of the same topic, to the same browser."""
    browser = Browser()
    first = service.send(browser)
    service.answer(503)
    other = service.send(browser, "u")
    service.answer(503)
    second = service.send(browser)
    service.answer(201)
    assert (first, other, second) == ([True], [], [True])
    service.clock.advance(PAUSES[0])
    assert len(service.asked) == 4
    service.answer(201)
    assert service.counts == {"dropped": 1, "sent": 2}


def test_few_requests_are_under_way_and_few_notifications_wait(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the bound the oldest is dropped, and counted."""
    monkeypatch.setattr(module, "MOST_WAITING", 5)
    assert MOST_WAITING > MOST_UNDER_WAY
    known = [service.send(Browser(f"https://p.example/{n}")) for n in range(MOST_UNDER_WAY + 7)]
    assert len(service.asked) == MOST_UNDER_WAY
    assert service.counts == {"dropped": 2}
    assert [n for n, one in enumerate(known) if one] == [MOST_UNDER_WAY, MOST_UNDER_WAY + 1]
    while service.open:
        service.answer(201)
    assert service.counts == {"dropped": 2, "sent": MOST_UNDER_WAY + 5}


def test_what_waits_for_another_attempt_counts_as_waiting(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first that waits gives way to a new one."""
    monkeypatch.setattr(module, "MOST_WAITING", 2)
    known = []
    for number in range(3):
        known.append(service.send(Browser(f"https://p.example/{number}")))
        service.answer(503)
    assert (known, service.counts) == ([[True], [], []], {"dropped": 1})
    service.clock.advance(PAUSES[0])
    service.answer(201)
    service.answer(201)


def test_everything_ends_with_the_server(service: Service) -> None:
    """Requests under way are cancelled, and no timer is left."""
    known = [service.send(Browser(f"https://p.example/{n}")) for n in range(MOST_UNDER_WAY + 1)]
    service.answer(503)
    service.delivery.stop()
    assert known == [[True]] * len(known)
    assert (service.delivery.waiting, service.clock.getDelayedCalls()) == (0, [])
    assert service.send(Browser()) == [True]


def test_damaged_keys_fail_one_notification_only(
    service: Service, logged_errors: list[str]
) -> None:
    """They were checked when the browser subscribed: the log has a traceback."""
    browser = Browser()
    known: list[bool] = []
    damaged = browser.subscription()
    sending = service.delivery.send(
        type(damaged)("ada", browser.endpoint, "AAAA", browser.keys["auth"], 1),
        KEY,
        b"{}",
        "t",
        always,
    )
    sending.addCallback(known.append)
    assert (known, service.counts) == ([True], {"failed": 1})
    assert len(logged_errors) == 1
    logged_errors.clear()


def test_a_request_that_cannot_be_made_fails_like_one_that_is_not_answered(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender gets no exception, and other notifications are sent."""

    def refuse(*_: object) -> Deferred[Reply]:
        raise UnicodeError("no host's name")

    monkeypatch.setattr(service.delivery, "_post", refuse)
    known = service.send(Browser())
    for pause in PAUSES:
        service.clock.advance(pause)
    assert (known, service.counts, service.delivery.waiting) == ([True], {"failed": 1}, 0)
    monkeypatch.undo()
    service.send(Browser())
    service.answer(201)
    assert service.counts == {"failed": 1, "sent": 1}


def test_a_long_queue_of_requests_that_fail_at_once_is_worked_off(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other, without a stack of calls as deep as the queue."""
    browser = Browser()
    to = browser.subscription()
    for n in range(MOST_OF_ACCOUNT):
        service.send(browser, f"first{n}", "ada")
    for n in range(MOST_WAITING):
        service.delivery.send(to, KEY, b"{}", f"t{n}", always)
    monkeypatch.setattr(module, "encrypted", lambda *_: b"")
    monkeypatch.setattr(module, "PAUSES", ())

    def refuse(*_: object) -> Deferred[Reply]:
        raise UnicodeError("no host's name")

    monkeypatch.setattr(service.delivery, "_post", refuse)
    service.fail()
    assert service.counts == {"failed": MOST_WAITING + 1}
    service.fail()
    assert service.delivery.waiting == 0


def test_an_account_with_silent_hosts_does_not_keep_the_others_waiting(service: Service) -> None:
    """Few requests of one account are under way; those of others are sent."""
    for n in range(10):
        service.send(Browser(f"https://silent{n}.example/x"), account="eve")
    assert len(service.asked) == MOST_OF_ACCOUNT
    known = service.send(Browser())
    assert len(service.asked) == MOST_OF_ACCOUNT + 1
    service.open.pop().callback(Reply(201))
    assert known == [True]
    service.answer(201)
    assert service.asked[-1][0] == "https://silent2.example/x"
    service.delivery.stop()


@pytest.mark.parametrize("connecting", [True, False], ids=["connect", "answer"])
def test_a_host_that_does_not_answer_is_left_alone_for_a_while(
    service: Service, connecting: bool
) -> None:
    """Whoever's notifications they are; then one request is sent, and after an answer all are."""
    service.send(Browser("https://silent.example/0"))
    if connecting:
        service.open.pop(0).errback(Failure(ConnectTimeout()))
    else:
        service.clock.advance(ANSWER_SECONDS)
        service.open.clear()
    for n in range(1, 4):
        service.send(Browser(f"https://silent.example/{n}"))
    service.send(Browser("https://other.example/x"))
    assert [url for url, *_ in service.asked[1:]] == ["https://other.example/x"]
    service.answer(201)
    service.clock.advance(SILENT_SECONDS)
    assert [url for url, *_ in service.asked[2:]] == ["https://silent.example/1"]
    service.answer(201)
    assert len(service.asked) == 6
    while service.open:
        service.answer(201)
    assert service.counts == {"sent": 5}
    assert not service.clock.getDelayedCalls()


def test_a_host_that_stays_silent_is_tried_by_one_request_at_a_time(service: Service) -> None:
    """And nothing is left of it when nothing waits for it."""
    for n in range(3):
        service.send(Browser(f"https://silent.example/{n}"))
    service.clock.advance(ANSWER_SECONDS)
    assert len(service.asked) == 3
    service.clock.advance(SILENT_SECONDS)
    assert len(service.asked) == 4
    service.clock.advance(ANSWER_SECONDS)
    assert len(service.asked) == 4
    service.delivery.stop()
    assert not service.clock.getDelayedCalls()


def test_a_request_that_is_cancelled_in_vain_is_still_one_without_answer(service: Service) -> None:
    """The HTTP client wraps the cancellation in an error of its own."""
    service.send(Browser("https://silent.example/0"))
    answer = service.open.pop()
    answer._canceller = lambda one: one.errback(Failure(ResponseNeverReceived([])))
    service.clock.advance(ANSWER_SECONDS)
    service.send(Browser("https://silent.example/1"))
    assert len(service.asked) == 1
    service.delivery.stop()


def test_before_each_attempt_it_is_asked_whether_it_is_still_to_be_sent(service: Service) -> None:
    """If not, it is dropped."""
    wanted = [True, False]
    known = service.send(Browser(), check=lambda: succeed(wanted.pop(0)))
    service.answer(503)
    service.clock.advance(PAUSES[0])
    assert (known, len(service.asked), service.counts) == ([True], 1, {"dropped": 1})


def test_while_that_cannot_be_found_out_nothing_is_sent(
    service: Service, logged_warnings: list[str]
) -> None:
    """It is asked again later; the push service is not blamed."""
    answers = [fail(Unavailable("away")), succeed(True)]
    known = service.send(Browser(), check=lambda: answers.pop(0))
    assert (known, service.asked) == ([], [])
    service.clock.advance(PAUSES[0])
    service.answer(201)
    assert (known, service.counts, logged_warnings) == ([True], {"sent": 1}, [])


def test_an_older_notification_is_not_sent_after_a_newer_one(service: Service) -> None:
    """If its attempt fails when the newer one of its topic has been sent."""
    browser = Browser()
    first, second = service.send(browser), service.send(browser)
    service.open.pop().callback(Reply(201))
    service.answer(503)
    assert (first, second) == ([True], [True])
    service.clock.advance(PAUSES[0])
    assert (len(service.asked), service.counts) == (2, {"dropped": 1, "sent": 1})


def test_a_newer_notification_replaces_one_in_the_queue(service: Service) -> None:
    """Only the newer one is sent."""
    for n in range(MOST_OF_ACCOUNT):
        service.send(Browser(f"https://p.example/{n}"), account="ada")
    browser = Browser()
    first, second = service.send(browser, "t", "ada"), service.send(browser, "t", "ada")
    assert (first, second) == ([True], [])
    while service.open:
        service.answer(201)
    assert service.counts == {"dropped": 1, "sent": MOST_OF_ACCOUNT + 1}
