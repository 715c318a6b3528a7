"""One connection to Redis."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from chatd.store.redis.failures import Lost, Refused
from chatd.store.redis.link import Link, LinkFactory, command
from chatd.store.redis.scripts import script
from chatd.testing import result_of
from chatd.testing.clock import StrictClock


class Scene:
    """A connection, and its server's side."""

    def __init__(self) -> None:
        self.clock = StrictClock()
        self.link: Link = LinkFactory(self.clock).buildProtocol(None)
        self.transport = StringTransport()
        self.link.makeConnection(self.transport)


@pytest.fixture
def scene() -> Iterator[Scene]:
    """A connection that is open."""
    scene = Scene()
    yield scene
    scene.link.connectionLost(Failure(ConnectionDone()))


def test_a_command_is_an_array_of_bulk_strings() -> None:
    """Text is UTF-8, and lengths count bytes."""
    assert command(["SET", "\u00e4", b"\0", 7]) == (
        b"*4\r\n$3\r\nSET\r\n$2\r\n\xc3\xa4\r\n$1\r\n\0\r\n$1\r\n7\r\n"
    )


def test_answers_come_to_their_commands_in_order(scene: Scene) -> None:
    """Errors too."""
    asked = [scene.link.ask("GET", "a"), scene.link.ask("BAD"), scene.link.ask("GET", "b")]
    assert scene.link.owed == 3
    scene.link.dataReceived(b"$1\r\nx\r\n-ERR no\r\n$-1\r\n")
    assert result_of(asked[0]) == b"x"
    with pytest.raises(Refused, match="ERR no"):
        result_of(asked[1])
    assert result_of(asked[2]) is None
    assert scene.link.owed == 0


def test_a_script_is_run_by_its_hash(scene: Scene) -> None:
    """With its keys, and then its arguments."""
    answer = scene.link.run(script(b"return 1"), ["k"], "a", 2)
    sha = script(b"return 1").sha
    assert scene.transport.value() == command(["EVALSHA", sha, 1, "k", "a", 2])
    scene.link.dataReceived(b":1\r\n")
    assert result_of(answer) == 1


def test_messages_of_the_channel_are_no_answers(scene: Scene) -> None:
    """They come between them."""
    pushed: list[bytes] = []
    scene.link.pushed = pushed.append
    answer = scene.link.ask("PING")
    scene.link.dataReceived(b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n+PONG\r\n")
    assert (pushed, result_of(answer)) == ([b"hi"], b"PONG")


def test_the_wait_of_the_oldest_command_is_known(scene: Scene) -> None:
    """By it a connection that has gone mute is found."""
    assert scene.link.waited == 0
    scene.link.ask("PING").addErrback(lambda _: None)
    scene.clock.advance(2)
    scene.link.ask("PING").addErrback(lambda _: None)
    assert scene.link.waited == 2


def test_all_commands_fail_when_the_connection_is_lost() -> None:
    """And the reason is told once; a later command fails at once."""
    scene = Scene()
    lost: list[str] = []
    scene.link.lost = lost.append
    asked = [scene.link.ask("PING"), scene.link.ask("PING")]
    scene.link.connectionLost(Failure(ConnectionDone()))
    asked.append(scene.link.ask("PING"))
    for answer in asked:
        with pytest.raises(Lost):
            result_of(answer)
    assert len(lost) == 1


def test_bytes_that_are_no_answer_end_the_connection(scene: Scene) -> None:
    """What follows them could be taken for something else."""
    asked = scene.link.ask("PING").addErrback(lambda _: None)
    scene.link.dataReceived(b"HTTP/1.1 400 Bad Request\r\n")
    assert scene.transport.disconnecting or scene.transport.disconnected
    assert not asked.called


def test_what_is_not_redis_is_named() -> None:
    """As when the port is that of another program."""
    scene = Scene()
    answer = scene.link.ask("INFO")
    scene.link.dataReceived(b"HTTP/1.1 400 Bad Request\r\n")
    scene.link.connectionLost(Failure(ConnectionDone()))
    with pytest.raises(Lost, match="what answers is not Redis"):
        result_of(answer)
