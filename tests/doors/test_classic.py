"""The classic door: two kinds of GET, plain text, and no message lost between polls."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from chatd.chat.sessions import GRACE_SECONDS
from chatd.doors.classic import HOLD_SECONDS, classic_site
from chatd.model.errors import NotAllowed
from chatd.model.policy import Action, OpenPolicy
from chatd.testing.policies import DenyAll, DenyIf

from ..kit.http import HttpClient, Response
from ..kit.server import MemoryServer
from ..kit.terminal import greeted


class ClassicServer(MemoryServer):
    """A server whose HTTP door is the classic one; its other doors are the usual ones."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.web_door = self.http_door
        self.http_door = classic_site(self.chat.service, peers=self.peers, hosts=self.hosts)

    def poller(self, name: str) -> ClassicPoller:
        """A client that has polled once and got its answer."""
        poller = ClassicPoller(self, name)
        poller.poll()
        self.chat.advance(HOLD_SECONDS)
        assert poller.answer() == ""
        return poller


class ClassicPoller:
    """A client as written in 2011: a loop of polls, and a request for each message."""

    def __init__(self, server: MemoryServer, name: str) -> None:
        self.server = server
        self.name = name
        self.polls = server.http()
        self.says = server.http()
        self._answers: list[Response] = []

    def poll(self) -> None:
        """Send a poll."""
        self.polls.send("GET", "/?" + urlencode({"name": self.name}))

    def answered(self) -> bool:
        """Whether the poll was answered; the answer is kept."""
        self._answers += self.polls.responses()
        return bool(self._answers)

    def answer(self) -> str:
        """The answer to the poll, which must have come."""
        assert self.answered()
        return text_of(self._answers.pop(0))

    def read(self) -> str:
        """Send a poll that is answered at once; returns its text."""
        self.poll()
        return self.answer()

    def say(self, text: str) -> str:
        """Send a message; returns the text of the answer."""
        query = urlencode({"name": self.name, "message": text})
        return text_of(self.says.request("GET", f"/?{query}"))


def text_of(response: Response, status: int = 200) -> str:
    """The text of an answer, after a check of its headers."""
    assert response.status == status
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["cache-control"] == "no-store"
    return response.body.decode()


@pytest.fixture
def server() -> ClassicServer:
    """A server with a classic door."""
    return ClassicServer()


@pytest.fixture
def ada(server: ClassicServer) -> ClassicPoller:
    """A client whose name is registered."""
    return server.poller("ada")


# -- polls -----------------------------------------------------------------------------------------


def test_first_poll_registers_the_name_and_is_held(server: ClassicServer) -> None:
    """Earlier messages are not delivered to it."""
    server.say("before")
    ada = ClassicPoller(server, "ada")
    ada.poll()
    server.chat.settle()
    assert not ada.answered()
    assert server.chat.room("lobby").names == ["ada"]


def test_poll_without_messages_is_answered_empty_after_hold_seconds(
    server: ClassicServer, ada: ClassicPoller
) -> None:
    """After four and a half seconds, neither earlier nor later."""
    ada.poll()
    server.chat.advance(HOLD_SECONDS - 0.01)
    assert not ada.answered()
    server.chat.advance(0.01)
    assert ada.answer() == ""


def test_held_poll_is_answered_with_the_next_message(
    server: ClassicServer, ada: ClassicPoller
) -> None:
    """Once: not again when its time would have been up."""
    ada.poll()
    server.say("hello")
    assert ada.answer() == "bob : hello\n"
    server.chat.advance(HOLD_SECONDS)
    assert not ada.answered()


def test_messages_between_two_polls_are_in_the_next_answer(
    server: ClassicServer, ada: ClassicPoller
) -> None:
    """A burst is one answer, and no message comes twice."""
    ada.poll()
    server.say("one")
    server.say("two", "three")
    server.say(*map(str, range(100)))
    assert ada.answer() == "bob : one\n"
    rest = [f"bob : {text}\n" for text in ["two", "three", *range(100)]]
    assert ada.read() == "".join(rest)
    server.say("four")
    assert ada.read() == "bob : four\n"


def test_long_arrears_come_in_parts(server: ClassicServer, ada: ClassicPoller) -> None:
    """Five hundred messages in one answer, in order."""
    server.say(*map(str, range(700)))
    lines = (ada.read() + ada.read()).splitlines()
    assert lines == [f"bob : {number}" for number in range(700)]


def test_evicted_messages_are_a_gap_with_their_number() -> None:
    """The kept ones follow. No person can be named `>>`."""
    server = ClassicServer(history=10)
    ada = server.poller("ada")
    server.say(*map(str, range(30)))
    wanted = [">> : 20 events were missed here", *(f"bob : {number}" for number in range(20, 30))]
    assert ada.read().splitlines() == wanted
    server.say("after")
    assert ada.read() == "bob : after\n"


def test_poll_whose_client_disconnected_loses_nothing(
    server: ClassicServer, ada: ClassicPoller
) -> None:
    """It was not answered, so the next poll gets its messages."""
    ada.poll()
    ada.polls.wire.hang_up()
    server.say("hello")
    ada.polls = server.http()
    assert ada.read() == "bob : hello\n"


def test_newer_poll_of_a_name_ends_the_older(server: ClassicServer, ada: ClassicPoller) -> None:
    """The older one is answered empty; the next message goes to the newer one."""
    other = ClassicPoller(server, "ADA")
    ada.poll()
    other.poll()
    assert ada.answer() == ""
    server.say("hello")
    assert other.answer() == "bob : hello\n"


def test_events_without_a_classic_form_do_not_answer_a_poll(
    server: ClassicServer, ada: ClassicPoller
) -> None:
    """Joins, leaves, topics: the protocol of 2011 has only messages."""
    ada.poll()
    telnet = greeted(server)
    telnet.send(b"/nick eve\r\n/topic tea\r\n/join dev\r\n/msg ada psst\r\n/quit\r\n")
    server.chat.settle()
    assert not ada.answered()
    server.say("hello")
    assert ada.answer() == "bob : hello\n"


def test_each_line_of_a_text_and_each_action_is_one_line(
    server: ClassicServer, ada: ClassicPoller
) -> None:
    """In the form that clients parse, with the sender first."""
    server.say("one\n\nthree")
    telnet = greeted(server)
    telnet.send(b"/nick eve\r\n/me waves\r\n")
    server.chat.settle()
    assert ada.read() == "bob : one\nbob : \nbob : three\n* eve : waves\n"


# -- messages --------------------------------------------------------------------------------------


def test_classic_message_is_delivered_at_every_door(
    server: ClassicServer, ada: ClassicPoller
) -> None:
    """To its sender too, in the one order; the request itself is answered empty."""
    telnet = greeted(server)
    bob = server.poller("bob")
    telnet.received()
    bob.poll()
    assert ada.say("hello, früh & 100 %; a=b") == ""
    assert bob.answer() == "ada : hello, früh & 100 %; a=b\n"
    assert telnet.received().decode() == "<ada> hello, früh & 100 %; a=b\r\n"
    telnet.send(b"hi\r\n")
    server.chat.settle()
    assert ada.read() == "ada : hello, früh & 100 %; a=b\nguest-0001 : hi\n"


def test_unescaped_semicolon_does_not_cut_the_message(
    server: ClassicServer, ada: ClassicPoller
) -> None:
    """Old scripts do not always escape it."""
    text_of(ada.says.request("GET", "/?name=ada&message=one;two=three;"))
    assert server.chat.texts("lobby") == ["one;two=three;"]


def test_first_message_registers_the_name(server: ClassicServer) -> None:
    """Its polls get every message from then on, their own included."""
    ada = ClassicPoller(server, "ada")
    assert ada.say("hello") == ""
    server.say("hi")
    assert ada.read() == "ada : hello\nbob : hi\n"


def test_message_is_answered_when_it_is_stored(server: ClassicServer, ada: ClassicPoller) -> None:
    """Readers do not get it earlier either."""
    server.hold_appends()
    ada.poll()
    ada.says.send("GET", "/?name=ada&message=hello")
    server.chat.settle()
    assert not ada.answered()
    assert ada.says.responses() == []
    server.release_appends()
    assert text_of(ada.says.response()) == ""
    assert ada.answer() == "ada : hello\n"


def test_message_refused_by_the_store_is_answered_with_a_line(
    server: ClassicServer, ada: ClassicPoller
) -> None:
    """The status is 503."""
    server.chat.store.refusing = True
    answer = ada.says.request("GET", "/?name=ada&message=hello")
    assert "nobody saw it" in text_of(answer, 503)


def test_message_over_the_rate_is_answered_with_a_line() -> None:
    """The status is 429; the messages before it were accepted."""
    server = ClassicServer(message_rate=1)
    ada = ClassicPoller(server, "ada")
    assert [ada.say(f"{number}") for number in range(4)] == [""] * 4
    assert "too fast" in text_of(ada.says.request("GET", "/?name=ada&message=5"), 429)
    assert server.chat.texts("lobby") == ["0", "1", "2", "3"]


# -- names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "status"),
    [
        pytest.param("/", 400, id="no-name"),
        pytest.param("/?message=hello", 400, id="no-name-but-a-message"),
        pytest.param("/?name=", 400, id="empty-name"),
        pytest.param("/?name=a%20b", 400, id="bad-name"),
        pytest.param("/?name=%E9", 400, id="latin-1-name"),
        pytest.param("/?name=guest-0001", 400, id="guest"),
        pytest.param("/?name=ada&name=bob", 400, id="two-names"),
        pytest.param("/?name=ada&message=", 400, id="empty-message"),
        pytest.param("/?name=ada&message=%20", 400, id="blank-message"),
        pytest.param("/?name=ada&message=%FF", 400, id="latin-1-message"),
        pytest.param("/?name=ada&message=a&message=b", 400, id="two-messages"),
        pytest.param("/?name=ada&message=" + "x" * 4097, 413, id="long-message"),
    ],
)
def test_invalid_request_is_answered_with_a_line(
    server: ClassicServer, target: str, status: int
) -> None:
    """It says what to do, and no message is stored."""
    line = text_of(server.http().get(target), status)
    assert line.count("\n") == 1
    assert line.endswith("\n")
    assert len(line) > 10
    assert server.chat.texts("lobby") == []


def test_name_in_use_at_another_door_is_refused(server: ClassicServer) -> None:
    """With 409, for polls and for messages, until it is free."""
    telnet = greeted(server)
    telnet.send(b"/nick Ada\r\n")
    for target in ("/?name=ada", "/?name=ada&message=hello"):
        assert "in use" in text_of(server.http().get(target), 409)
    telnet.send(b"/quit\r\n")
    assert ClassicPoller(server, "ada").say("hello") == ""


def test_name_in_use_here_is_refused_at_other_doors(
    server: ClassicServer, ada: ClassicPoller
) -> None:
    """It has a session like any other."""
    telnet = greeted(server)
    telnet.send(b"/nick ADA\r\n/who\r\n")
    server.chat.settle()
    refusal, who = telnet.received().decode().splitlines()
    assert refusal.startswith("!! the name ADA is in use")
    assert "ada" in who


@pytest.mark.parametrize("held", [False, True], ids=["between-polls", "while-held"])
def test_polling_keeps_the_name(server: ClassicServer, ada: ClassicPoller, held: bool) -> None:
    """However long, and without joins and leaves between polls."""
    telnet = greeted(server)
    for _ in range(40):
        ada.poll()
        server.chat.advance(HOLD_SECONDS + (0 if held else 20))
        assert ada.answer() == ""
    assert telnet.received() == b""


def test_name_is_released_a_grace_period_after_the_last_poll(
    server: ClassicServer, ada: ClassicPoller
) -> None:
    """The name is free, and neither a reader nor a timer is left."""
    telnet = greeted(server)
    lobby = server.chat.room("lobby")
    readers = lobby.readers
    server.chat.advance(GRACE_SECONDS - 1)
    assert telnet.received() == b""
    server.chat.advance(1)
    assert telnet.received() == b"-- ada left #lobby\r\n"
    assert lobby.readers == readers - 1
    server.say("meanwhile")
    ada = ClassicPoller(server, "ada")
    ada.poll()
    server.chat.settle()
    assert not ada.answered()
    telnet.send(b"/quit\r\n")
    ada.polls.wire.hang_up()
    server.chat.advance(2 * GRACE_SECONDS)  # the timers of the connections end too
    assert not server.chat.clock.getDelayedCalls()


# -- the gate --------------------------------------------------------------------------------------

BANNED = NotAllowed("you are banned from here")


def revoke_readers(server: ClassicServer) -> None:
    """The gate ends all readers of the lobby."""
    server.chat.service.readers.revoke(BANNED, room=server.chat.room("lobby"))


def test_revoked_held_poll_is_answered_with_the_reason(
    server: ClassicServer, ada: ClassicPoller
) -> None:
    """In a line, with 403, and without later messages."""
    ada.poll()
    server.chat.settle()
    revoke_readers(server)
    server.say("unheard")
    assert ada.answered()
    assert text_of(ada._answers.pop(), 403) == "you are banned from here\n"


def test_poll_after_a_revocation_opens_a_new_reader(
    server: ClassicServer, ada: ClassicPoller
) -> None:
    """If the policy allows it, from then on."""
    server.say("unread")
    revoke_readers(server)
    ada.poll()
    server.chat.settle()
    assert not ada.answered()
    server.say("hello")
    assert ada.answer() == "bob : hello\n"


def test_poll_is_refused_if_the_policy_forbids_reading(
    server: ClassicServer, ada: ClassicPoller
) -> None:
    """With 403, for registered and new names; messages are still accepted."""
    ada.poll()
    server.chat.settle()
    reads = (Action.READ,)
    server.chat.service.readers.policy = DenyIf(lambda identity, action, room: action in reads)
    assert "read here" in text_of(ada.polls.response(), 403)
    for name in ("ada", "eve"):
        assert "read here" in text_of(server.http().get(f"/?name={name}"), 403)
    assert ada.say("hello") == ""
    server.chat.service.readers.policy = OpenPolicy()
    assert ada.say("again") == ""
    ada.poll()
    server.say("heard")
    assert ada.answer() == "bob : heard\n"


def test_name_is_not_registered_if_the_policy_forbids_entering() -> None:
    """With 403, for polls and for messages."""
    server = ClassicServer(policy=DenyAll())
    for target in ("/?name=ada", "/?name=ada&message=hello"):
        assert "come in" in text_of(server.http().get(target), 403)
    assert server.here == []
    assert not server.chat.service.people.held


def test_simultaneous_first_polls_of_a_name_register_it_once(server: ClassicServer) -> None:
    """While the name is being registered, the older poll is answered empty, and the newer one
    held.
    """
    server.hold_appends()
    first, second = ClassicPoller(server, "ada"), ClassicPoller(server, "Ada")
    first.poll()
    second.poll()
    server.release_appends()
    assert first.answer() == ""
    server.say("hello")
    assert second.answer() == "bob : hello\n"
    assert server.here == ["ada"]


def test_client_that_disconnects_before_its_name_is_registered_loses_nothing(
    server: ClassicServer,
) -> None:
    """The name stays for its grace period, and the next poll gets all messages."""
    server.hold_appends()
    ada = ClassicPoller(server, "ada")
    ada.poll()
    ada.polls.wire.hang_up()
    server.release_appends()
    server.say("hello")
    ada.polls = server.http()
    assert ada.read() == "bob : hello\n"


# -- HTTP ------------------------------------------------------------------------------------------


def test_preflight_request_is_allowed(server: ClassicServer) -> None:
    """Libraries of the time added headers of their own."""
    response = server.http().request(
        "OPTIONS",
        "/?name=ada",
        headers={
            "Origin": "https://elsewhere.example",
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "x-requested-with",
        },
    )
    assert text_of(response) == ""
    assert response.headers["access-control-allow-headers"] == "*"


def test_request_of_another_origin_is_allowed(server: ClassicServer) -> None:
    """The door of 2011 had no check of origins."""
    response = server.http().get("/?name=ada&message=hello", Origin="https://elsewhere.example")
    assert text_of(response) == ""


def test_head_consumes_no_message(server: ClassicServer, ada: ClassicPoller) -> None:
    """A message that it consumed would be lost."""
    server.say("hello")
    response = server.http().request("HEAD", "/?name=ada")
    assert (response.status, response.body) == (200, b"")
    assert ada.read() == "bob : hello\n"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "get"])
def test_other_methods_are_refused_with_a_line(server: ClassicServer, method: str) -> None:
    """It says how to send requests."""
    response = server.http().request(method, "/?name=ada&message=hello")
    assert "GET /?name=NAME" in text_of(response, 405)
    assert response.headers["allow"] == "GET, HEAD, OPTIONS"
    assert server.chat.texts("lobby") == []


def test_polls_can_be_pipelined(server: ClassicServer, ada: ClassicPoller) -> None:
    """The answers come in order, each message in one of them."""
    server.say("one")
    ada.poll()
    ada.poll()
    assert ada.answer() == "bob : one\n"
    server.say("two")
    assert ada.answer() == "bob : two\n"


def test_connection_may_be_closed_after_each_request(server: ClassicServer) -> None:
    """With `Connection: close` or HTTP/1.0, as old scripts do."""
    for version in ("1.0", "1.1"):
        http: HttpClient = server.http()
        asks = f"GET /?name=ada&message={version} HTTP/{version}\r\nHost: a\r\n"
        http.wire.send(f"{asks}Connection: close\r\n\r\n".encode())
        server.chat.settle()
        assert http.closed
        assert http.wire.received().startswith(f"HTTP/{version} 200 OK\r\n".encode())
    assert ClassicPoller(server, "ada").read() == "ada : 1.0\nada : 1.1\n"
