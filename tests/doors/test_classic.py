"""The classic door: two kinds of GET, plain text, and nothing lost in between."""

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
    """A chat whose HTTP door is the classic one; its other doors are as ever."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.web_door = self.http_door
        self.http_door = classic_site(self.chat.service, peers=self.peers, hosts=self.hosts)

    def caller(self, name: str) -> Caller:
        """Somebody who has polled once already, and was answered."""
        caller = Caller(self, name)
        caller.poll()
        self.chat.advance(HOLD_SECONDS)
        assert caller.answer() == ""
        return caller


class Caller:
    """A client as they were written in 2011: a loop of polls, and requests for what it says."""

    def __init__(self, server: MemoryServer, name: str) -> None:
        self.server = server
        self.name = name
        self.polls = server.http()
        self.says = server.http()
        self._answers: list[Response] = []

    def poll(self) -> None:
        """Ask what is new."""
        self.polls.send("GET", "/?" + urlencode({"name": self.name}))

    def answered(self) -> bool:
        """Whether the poll was; the answer is kept."""
        self._answers += self.polls.responses()
        return bool(self._answers)

    def answer(self) -> str:
        """The answer to the poll, which has to have come."""
        assert self.answered()
        return text_of(self._answers.pop(0))

    def read(self) -> str:
        """Poll, and be answered at once."""
        self.poll()
        return self.answer()

    def say(self, text: str) -> str:
        """Say something; answers what is answered."""
        query = urlencode({"name": self.name, "message": text})
        return text_of(self.says.request("GET", f"/?{query}"))


def text_of(response: Response, status: int = 200) -> str:
    """The text of an answer, which has to be one of this door's."""
    assert response.status == status
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["cache-control"] == "no-store"
    return response.body.decode()


@pytest.fixture
def server() -> ClassicServer:
    """A chat with a classic door."""
    return ClassicServer()


@pytest.fixture
def ada(server: ClassicServer) -> Caller:
    """Somebody who is registered."""
    return server.caller("ada")


# -- polls -----------------------------------------------------------------------------------------


def test_the_first_poll_registers_and_is_held(server: ClassicServer) -> None:
    """What was said before is not for who was not there; that they came is told to the others."""
    server.say("before")
    ada = Caller(server, "ada")
    ada.poll()
    server.chat.settle()
    assert not ada.answered()
    assert server.chat.room("lobby").names == ["ada"]


def test_a_poll_is_answered_empty_when_nothing_was_said(server: ClassicServer, ada: Caller) -> None:
    """After four and a half seconds, neither earlier nor later."""
    ada.poll()
    server.chat.advance(HOLD_SECONDS - 0.01)
    assert not ada.answered()
    server.chat.advance(0.01)
    assert ada.answer() == ""


def test_a_held_poll_is_answered_as_soon_as_something_is_said(
    server: ClassicServer, ada: Caller
) -> None:
    """And not again when its time would have been up."""
    ada.poll()
    server.say("hello")
    assert ada.answer() == "bob : hello\n"
    server.chat.advance(HOLD_SECONDS)
    assert not ada.answered()


def test_nothing_is_lost_between_two_polls(server: ClassicServer, ada: Caller) -> None:
    """A burst is one answer, whatever part of it came while nobody asked; nothing comes twice."""
    ada.poll()
    server.say("one")
    server.say("two", "three")
    server.say(*map(str, range(100)))
    assert ada.answer() == "bob : one\n"
    rest = [f"bob : {text}\n" for text in ["two", "three", *range(100)]]
    assert ada.read() == "".join(rest)
    server.say("four")
    assert ada.read() == "bob : four\n"


def test_a_client_that_comes_late_gets_a_long_queue_in_parts(
    server: ClassicServer, ada: Caller
) -> None:
    """Five hundred messages at a time, in order."""
    server.say(*map(str, range(700)))
    lines = (ada.read() + ada.read()).splitlines()
    assert lines == [f"bob : {number}" for number in range(700)]


def test_what_a_log_has_forgotten_is_told() -> None:
    """With how much it was; then comes what is left.  No one can be called `>>`."""
    server = ClassicServer(history=10)
    ada = server.caller("ada")
    server.say(*map(str, range(30)))
    wanted = [">> : 20 events were missed here", *(f"bob : {number}" for number in range(20, 30))]
    assert ada.read().splitlines() == wanted
    server.say("after")
    assert ada.read() == "bob : after\n"


def test_a_poll_that_its_client_gave_up_loses_nothing(server: ClassicServer, ada: Caller) -> None:
    """It was not answered, so the next one is."""
    ada.poll()
    ada.polls.wire.hang_up()
    server.say("hello")
    ada.polls = server.http()
    assert ada.read() == "bob : hello\n"


def test_of_two_polls_of_one_name_the_older_is_answered_empty(
    server: ClassicServer, ada: Caller
) -> None:
    """What comes goes to the newer."""
    other = Caller(server, "ADA")
    ada.poll()
    other.poll()
    assert ada.answer() == ""
    server.say("hello")
    assert other.answer() == "bob : hello\n"


def test_a_poll_is_not_disturbed_by_what_this_door_does_not_tell(
    server: ClassicServer, ada: Caller
) -> None:
    """Joins, leaves, topics: 2011 knew only messages."""
    ada.poll()
    telnet = greeted(server)
    telnet.send(b"/nick eve\r\n/topic tea\r\n/join dev\r\n/msg ada psst\r\n/quit\r\n")
    server.chat.settle()
    assert not ada.answered()
    server.say("hello")
    assert ada.answer() == "bob : hello\n"


def test_several_lines_and_actions_are_lines_of_their_own(
    server: ClassicServer, ada: Caller
) -> None:
    """All of the form that clients take apart, with the sender first."""
    server.say("one\n\nthree")
    telnet = greeted(server)
    telnet.send(b"/nick eve\r\n/me waves\r\n")
    server.chat.settle()
    assert ada.read() == "bob : one\nbob : \nbob : three\n* eve : waves\n"


# -- what is said ----------------------------------------------------------------------------------


def test_what_is_said_is_heard_at_every_door(server: ClassicServer, ada: Caller) -> None:
    """At this one by the speaker too, in the one order; the request itself is answered empty."""
    telnet = greeted(server)
    bob = server.caller("bob")
    telnet.received()
    bob.poll()
    assert ada.say("hello, früh & 100 %; a=b") == ""
    assert bob.answer() == "ada : hello, früh & 100 %; a=b\n"
    assert telnet.received().decode() == "<ada> hello, früh & 100 %; a=b\r\n"
    telnet.send(b"hi\r\n")
    server.chat.settle()
    assert ada.read() == "ada : hello, früh & 100 %; a=b\nguest-0001 : hi\n"


def test_a_semicolon_that_was_not_escaped_cuts_nothing_off(
    server: ClassicServer, ada: Caller
) -> None:
    """Scripts were not always careful."""
    text_of(ada.says.request("GET", "/?name=ada&message=one;two=three;"))
    assert server.chat.texts("lobby") == ["one;two=three;"]


def test_who_speaks_first_is_registered_too(server: ClassicServer) -> None:
    """And hears what was said from then on, themselves included."""
    ada = Caller(server, "ada")
    assert ada.say("hello") == ""
    server.say("hi")
    assert ada.read() == "ada : hello\nbob : hi\n"


def test_what_is_said_is_answered_when_it_is_stored(server: ClassicServer, ada: Caller) -> None:
    """Not before; nor is it shown."""
    server.hold_appends()
    ada.poll()
    ada.says.send("GET", "/?name=ada&message=hello")
    server.chat.settle()
    assert not ada.answered()
    assert ada.says.responses() == []
    server.release_appends()
    assert text_of(ada.says.response()) == ""
    assert ada.answer() == "ada : hello\n"


def test_what_the_store_refuses_is_told_in_a_line(server: ClassicServer, ada: Caller) -> None:
    """With 503."""
    server.chat.store.refusing = True
    answer = ada.says.request("GET", "/?name=ada&message=hello")
    assert "nobody saw it" in text_of(answer, 503)


def test_who_says_too_much_is_told_in_a_line() -> None:
    """With 429; what they said before that was said."""
    server = ClassicServer(message_rate=1)
    ada = Caller(server, "ada")
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
def test_what_is_bad_is_refused_in_a_line(server: ClassicServer, target: str, status: int) -> None:
    """Which says what to do; and nothing was said."""
    line = text_of(server.http().get(target), status)
    assert line.count("\n") == 1
    assert line.endswith("\n")
    assert len(line) > 10
    assert server.chat.texts("lobby") == []


def test_a_name_that_is_held_at_another_door_is_refused(server: ClassicServer) -> None:
    """With 409, for reading and for saying; when it is free, it can be had."""
    telnet = greeted(server)
    telnet.send(b"/nick Ada\r\n")
    for target in ("/?name=ada", "/?name=ada&message=hello"):
        assert "in use" in text_of(server.http().get(target), 409)
    telnet.send(b"/quit\r\n")
    assert Caller(server, "ada").say("hello") == ""


def test_a_name_that_is_held_here_is_refused_at_other_doors(
    server: ClassicServer, ada: Caller
) -> None:
    """It is a session like any other."""
    telnet = greeted(server)
    telnet.send(b"/nick ADA\r\n/who\r\n")
    server.chat.settle()
    refusal, who = telnet.received().decode().splitlines()
    assert refusal.startswith("!! the name ADA is in use")
    assert "ada" in who


@pytest.mark.parametrize("held", [False, True], ids=["between-polls", "while-held"])
def test_who_polls_stays(server: ClassicServer, ada: Caller, held: bool) -> None:
    """However long, and nobody is told that they come and go."""
    telnet = greeted(server)
    for _ in range(40):
        ada.poll()
        server.chat.advance(HOLD_SECONDS + (0 if held else 20))
        assert ada.answer() == ""
    assert telnet.received() == b""


def test_who_polls_no_more_has_left_and_is_forgotten(server: ClassicServer, ada: Caller) -> None:
    """After `GRACE_SECONDS`: the name is free, nobody reads, and no timer is left."""
    telnet = greeted(server)
    lobby = server.chat.room("lobby")
    readers = lobby.readers
    server.chat.advance(GRACE_SECONDS - 1)
    assert telnet.received() == b""
    server.chat.advance(1)
    assert telnet.received() == b"-- ada left #lobby\r\n"
    assert lobby.readers == readers - 1
    server.say("meanwhile")
    ada = Caller(server, "ada")
    ada.poll()
    server.chat.settle()
    assert not ada.answered()
    telnet.send(b"/quit\r\n")
    ada.polls.wire.hang_up()
    server.chat.advance(2 * GRACE_SECONDS)  # the connections' own are over too
    assert not server.chat.clock.getDelayedCalls()


# -- the gate --------------------------------------------------------------------------------------

BANNED = NotAllowed("you are banned from here")


def revoke(server: ClassicServer) -> None:
    """The gate ends all that read the lobby."""
    server.chat.service.readers.revoke(BANNED, room=server.chat.room("lobby"))


def test_a_held_poll_that_is_revoked_is_told_why(server: ClassicServer, ada: Caller) -> None:
    """In a line, with 403; nothing that is said then comes with it."""
    ada.poll()
    server.chat.settle()
    revoke(server)
    server.say("unheard")
    assert ada.answered()
    assert text_of(ada._answers.pop(), 403) == "you are banned from here\n"


def test_a_name_that_was_revoked_between_two_polls_asks_again(
    server: ClassicServer, ada: Caller
) -> None:
    """It reads from then on, if it may."""
    server.say("unread")
    revoke(server)
    ada.poll()
    server.chat.settle()
    assert not ada.answered()
    server.say("hello")
    assert ada.answer() == "bob : hello\n"


def test_what_may_not_be_read_is_not_polled(server: ClassicServer, ada: Caller) -> None:
    """With 403, for names that are registered and for new ones; what may be said is said."""
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


def test_who_may_not_come_in_is_not_registered() -> None:
    """With 403, whether it reads or speaks."""
    server = ClassicServer(policy=DenyAll())
    for target in ("/?name=ada", "/?name=ada&message=hello"):
        assert "come in" in text_of(server.http().get(target), 403)
    assert server.here == []
    assert not server.chat.service.people.held


def test_two_first_polls_of_one_name_are_one_registration(server: ClassicServer) -> None:
    """Though the name takes its time: the older is answered empty, the newer is held."""
    server.hold_appends()
    first, second = Caller(server, "ada"), Caller(server, "Ada")
    first.poll()
    second.poll()
    server.release_appends()
    assert first.answer() == ""
    server.say("hello")
    assert second.answer() == "bob : hello\n"
    assert server.here == ["ada"]


def test_a_client_that_goes_before_its_name_is_registered_is_not_polled_for(
    server: ClassicServer,
) -> None:
    """The name stays for its grace, and misses nothing."""
    server.hold_appends()
    ada = Caller(server, "ada")
    ada.poll()
    ada.polls.wire.hang_up()
    server.release_appends()
    server.say("hello")
    ada.polls = server.http()
    assert ada.read() == "bob : hello\n"


# -- HTTP ------------------------------------------------------------------------------------------


def test_a_browser_that_asks_first_is_told_to_go_on(server: ClassicServer) -> None:
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


def test_a_page_from_elsewhere_may_ask(server: ClassicServer) -> None:
    """As in 2011."""
    response = server.http().get("/?name=ada&message=hello", Origin="https://elsewhere.example")
    assert text_of(response) == ""


def test_head_reads_nothing(server: ClassicServer, ada: Caller) -> None:
    """Else what it read would be lost."""
    server.say("hello")
    response = server.http().request("HEAD", "/?name=ada")
    assert (response.status, response.body) == (200, b"")
    assert ada.read() == "bob : hello\n"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "get"])
def test_other_methods_are_refused_in_a_line(server: ClassicServer, method: str) -> None:
    """Which says how it is done."""
    response = server.http().request(method, "/?name=ada&message=hello")
    assert "GET /?name=NAME" in text_of(response, 405)
    assert response.headers["allow"] == "GET, HEAD, OPTIONS"
    assert server.chat.texts("lobby") == []


def test_polls_can_be_pipelined(server: ClassicServer, ada: Caller) -> None:
    """The answers come in order, and each message in one of them."""
    server.say("one")
    ada.poll()
    ada.poll()
    assert ada.answer() == "bob : one\n"
    server.say("two")
    assert ada.answer() == "bob : two\n"


def test_a_connection_a_poll_is_as_good_as_one_for_all(server: ClassicServer) -> None:
    """`Connection: close`, or HTTP/1.0, as scripts did it."""
    for version in ("1.0", "1.1"):
        http: HttpClient = server.http()
        asks = f"GET /?name=ada&message={version} HTTP/{version}\r\nHost: a\r\n"
        http.wire.send(f"{asks}Connection: close\r\n\r\n".encode())
        server.chat.settle()
        assert http.closed
        assert http.wire.received().startswith(f"HTTP/{version} 200 OK\r\n".encode())
    assert Caller(server, "ada").read() == "ada : 1.0\nada : 1.1\n"
