"""What moderators do on one node holds on every other one at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chatd.chat.person import Person
from chatd.chat.sessions import Session
from chatd.codecs.json import JSON
from chatd.model.commands import Join, Say
from chatd.model.errors import Banned, Muted, NotFound, Unavailable
from chatd.model.events import Said
from chatd.model.moderation import Admit, Ban, BanFromServer, Configure, Dismiss, Kick, Mute, Redact
from chatd.store.redis.lease import BEAT_SECONDS, MOST_BEATS
from chatd.testing import FakeOutlet, result_of

from ..kit.chat import read
from ..kit.redis import RedisServer
from ..kit.redis_chat import ChatNode, RedisChats

pytestmark = pytest.mark.usefixtures("logged_warnings")
SECRET = "xyzzy-plugh"


@pytest.fixture
def chats() -> Iterator[RedisChats]:
    with RedisChats("a", "b") as chats:
        yield chats


@pytest.fixture
def ada(chats: RedisChats) -> Person:
    """A guest of node a, who has begun #dev and so is its op."""
    one, _ = chats.chats
    ada = one.enter("ada")
    one.perform(ada, Join("dev"))
    one.perform(ada, Say("dev", "first"))
    return ada


@pytest.fixture
def bob(chats: RedisChats, ada: Person) -> Person:
    """A guest of node b, who is in #dev."""
    _, two = chats.chats
    bob = two.enter("bob")
    two.perform(bob, Join("dev"))
    return bob


def reader(chat: ChatNode, person: Person, room: str = "dev") -> FakeOutlet:
    """A reader of a room for that person, from now on."""
    outlet = FakeOutlet()
    outlet.subscriber = chat.service.readers.open(
        Session(person), [(chat.room(room), JSON)], outlet, chat.service.horizon
    )
    outlet.subscriber.start()
    return outlet


def reasons(outlet: FakeOutlet) -> list[str]:
    """Why a reader was ended."""
    return [error.code for error in outlet.revocations]


def lose_log(chats: RedisChats) -> None:
    """The log of batches does not reach back any more to where a node was."""
    chats.nodes.server.ask("ZREMRANGEBYRANK", chats.nodes.key("log"), "0", "-2")


# -- bans ------------------------------------------------------------------------------------------


def test_a_ban_on_one_node_ends_the_readers_on_another_at_once(
    chats: RedisChats, ada: Person, bob: Person
) -> None:
    """Once it is shown there; the person has left the room, and cannot speak in it any more."""
    one, two = chats.chats
    outlet = reader(two, bob)
    one.perform(ada, Say("dev", "before"))
    one.perform(ada, Ban("dev", "bob", text="spam"))
    one.perform(ada, Say("dev", SECRET))
    assert reasons(outlet) == ["banned"]
    assert read(outlet) == ["before"]
    assert two.room("dev").names == one.room("dev").names == ["ada"]
    with pytest.raises(Banned):
        two.perform(bob, Say("dev", "still here"))
    with pytest.raises(Banned):
        two.perform(bob, Join("dev"))
    with pytest.raises(Banned):
        reader(two, bob)


def test_of_a_message_and_a_ban_on_two_nodes_in_one_moment_the_message_is_never_behind_the_ban(
    chats: RedisChats, ada: Person, bob: Person
) -> None:
    """It is judged anew when the ban has been stored first."""
    one, two = chats.chats
    banning = one.service.perform(ada, Ban("dev", "bob"))
    saying = two.service.perform(bob, Say("dev", SECRET))
    saying.addErrback(lambda failure: failure.trap(Banned) and None)
    chats.nodes.settle()
    banned, said = result_of(banning), result_of(saying)
    assert banned is not None
    assert said is None or said < banned


def test_a_kick_reaches_the_readers_on_another_node(
    chats: RedisChats, ada: Person, bob: Person
) -> None:
    """They read up to it; the person may come back."""
    one, two = chats.chats
    outlet = reader(two, bob)
    one.perform(ada, Kick("dev", "bob"))
    assert reasons(outlet) == ["kicked"]
    assert two.room("dev").names == ["ada"]
    two.perform(bob, Join("dev"))
    assert one.room("dev").names == ["ada", "bob"]


def test_a_node_that_has_read_the_lists_of_moderators_lists_them_in_the_same_order(
    chats: RedisChats, ada: Person
) -> None:
    """Redis answers in any order."""
    one, _ = chats.chats
    room = one.room("dev")
    for n in range(20):
        one.perform(ada, Ban("dev", f"b{n}", None, "spam, " * 20))
        one.perform(ada, Mute("dev", one.enter(f"m{n}").name, None, "loud, " * 20))
        chats.answered(one.service.invites.make(ada, "dev"))
    late = ChatNode(chats, "c", 1000)

    def lists(chat: ChatNode) -> list[list[tuple[str, Any]]]:
        here, moderation = chat.room("dev"), chat.service.moderation
        return [
            moderation.bans(ada, here),
            moderation.mutes(ada, here),
            chat.service.invites.of(ada, here),
        ]

    assert room.rights.bans.placed.keys() == late.room("dev").rights.bans.placed.keys()
    assert lists(one) == lists(late)
    assert [ban.target for _, ban in lists(late)[0]] == [f"b{n}" for n in range(20)]


def test_a_mute_holds_on_every_node(chats: RedisChats, ada: Person, bob: Person) -> None:
    """And the one that was muted reads on."""
    one, two = chats.chats
    outlet = reader(two, bob)
    one.perform(ada, Mute("dev", "bob"))
    with pytest.raises(Muted):
        two.perform(bob, Say("dev", "hm"))
    one.perform(ada, Say("dev", "go on"))
    assert (read(outlet), outlet.revocations) == (["go on"], [])


def test_who_ceases_to_be_a_member_is_put_out_on_every_node(
    chats: RedisChats, ada: Person, bob: Person
) -> None:
    """A room for members shows nothing of itself to others, whichever node they ask."""
    one, two = chats.chats
    one.perform(ada, Admit("dev", "bob"))
    one.perform(ada, Configure("dev", access="members"))
    outlet = reader(two, bob)
    with pytest.raises(NotFound):
        two.read(room="dev")
    one.perform(ada, Say("dev", "between us"))
    one.perform(ada, Dismiss("dev", "bob"))
    one.perform(ada, Say("dev", SECRET))
    assert read(outlet) == ["between us"]
    assert reasons(outlet) == ["not-found"]
    assert two.room("dev").names == ["ada"]


def test_a_ban_from_the_server_ends_what_the_person_has_on_another_node(
    chats: RedisChats, bob: Person
) -> None:
    """Readers, rooms and the name."""
    one, two = chats.chats
    rita = one.enter("rita")
    rita.account, rita.admin = rita.key, True
    outlet = reader(two, bob)
    one.perform(rita, BanFromServer("bob"))
    chats.nodes.advance(1)
    assert len(outlet.revocations) == 1
    assert bob.ended
    assert "bob" not in one.service.people


def test_a_node_that_missed_a_ban_denies_as_soon_as_it_has_read_the_state_anew(
    chats: RedisChats, ada: Person, bob: Person, logged_errors: list[str]
) -> None:
    """Its readers end, its people leave; no command is taken before."""
    one, two = chats.chats
    rita = one.enter("rita")
    rita.account, rita.admin = rita.key, True
    eve = two.enter("eve")
    outlets = reader(two, bob), reader(two, eve, "lobby")
    wires = two.node.go_mute()
    one.service.perform(ada, Ban("dev", "bob"))
    one.service.perform(rita, BanFromServer("eve"))
    one.service.perform(ada, Say("dev", SECRET))
    chats.nodes.settle()
    lose_log(chats)
    for wire in wires:
        wire.lose()
    chats.nodes.advance(2)
    for outlet in outlets:
        assert reasons(outlet) == ["banned"]
        assert read(outlet) == []
    assert two.room("dev").names == ["ada"]
    assert eve.ended
    with pytest.raises(Banned):
        two.perform(bob, Say("dev", "still here"))
    logged_errors.clear()


def test_a_room_whose_rights_could_not_be_read_denies_everything(
    logged_errors: list[str],
) -> None:
    """On a node that has the room's settings but not its bans, until the engine is back."""
    server = RedisServer("--appendonly", "yes", "--appendfsync", "always").start()
    with RedisChats("a", "b", server=server) as chats:
        one, two = chats.chats
        ada, bob = one.enter("ada"), two.enter("bob")
        one.perform(ada, Join("dev"))
        one.perform(ada, Say("dev", "first"))
        one.perform(ada, Mute("dev", "bob"))
        server.kill()
        chats.nodes.advance(0.5)
        loading = two.service.rooms.load("dev")
        chats.nodes.advance(2.2)
        room = chats.answered(loading)
        with pytest.raises(Unavailable):
            two.service.readers.open(Session(bob), [(room, JSON)], FakeOutlet(), 0)
        server.start()
        chats.nodes.advance(12)
        two.room("dev")
        assert read(two.read(0, room="dev")) == ["first"]
        two.perform(bob, Join("dev"))
        with pytest.raises(Muted):
            two.perform(bob, Say("dev", "hm"))
    server.remove()
    logged_errors.clear()


def test_what_a_guest_was_given_ends_when_its_node_is_gone(
    chats: RedisChats, ada: Person, bob: Person
) -> None:
    """Its roles and mutes, by the node that releases its name; a room that it began is reset when
    it is empty.
    """
    one, two = chats.chats
    one.perform(ada, Configure("dev", posting="voices"))
    one.perform(ada, Kick("dev", "bob"))
    assert two.room("dev").rights.roles
    one.node.die()
    chats.nodes.advance(BEAT_SECONDS * (MOST_BEATS + 3))
    room = two.room("dev")
    assert room.names == []
    assert room.rights.roles == {}
    assert room.state.posting == "everyone"
    chats.chats.remove(one)


# -- redactions ------------------------------------------------------------------------------------


def everything(chats: RedisChats) -> bytes:
    """All that Redis holds of the chat."""
    server = chats.nodes.server
    found = b""
    for line in server.ask("KEYS", chats.nodes.key("*")).split(b"\r\n"):
        if line.startswith(b"{"):
            found += server.ask("DUMP", line.decode())
    return found


def test_a_redaction_on_one_node_leaves_the_text_nowhere(
    chats: RedisChats, ada: Person, bob: Person
) -> None:
    """On the other node: not in its log, in pages, in bytes that readers share, or in a replay.  In
    Redis: not among the events, and not in the log of batches.
    """
    one, two = chats.chats
    live = reader(two, bob)
    id_ = one.perform(ada, Say("dev", SECRET))
    one.perform(ada, Say("dev", "behind"))
    assert read(live) == [SECRET, "behind"]
    assert SECRET.encode() in everything(chats)
    assert id_ is not None
    one.perform(ada, Redact("dev", id_))
    room = two.room("dev")
    page = chats.answered(two.service.page(room, None, 100))
    for entries in (room.log.since(0).entries, page.entries):
        assert SECRET not in repr([(entry.event, entry._encoded) for entry in entries])
    for feed in room.feeds():
        assert feed.batch is None or SECRET.encode() not in feed.batch.chunk
    assert read(two.read(0, room="dev")) == ["first", "", "behind"]
    assert SECRET.encode() not in everything(chats)


def test_a_node_that_catches_up_meets_the_redacted_event_without_its_text(
    chats: RedisChats, ada: Person, bob: Person
) -> None:
    """Of several messages of one turn that are equal, only the one that was redacted is changed."""
    one, two = chats.chats
    outlet = reader(two, bob)
    wires = two.node.go_mute()
    saying = [one.service.perform(ada, Say("dev", text)) for text in ("1", "same", "same", "same")]
    chats.nodes.settle()
    ids = [result_of(said) for said in saying]
    assert ids[2] is not None
    one.service.perform(ada, Redact("dev", ids[2]))
    chats.nodes.settle()
    for wire in wires:
        wire.lose()
    chats.nodes.advance(2)
    assert [event.text for event in two.events("dev") if isinstance(event, Said)] == [
        "first",
        "1",
        "same",
        "",
        "same",
    ]
    assert read(outlet) == ["1", "same", "", "same"]
    assert two.events("dev") == one.events("dev")


def test_a_node_that_missed_a_redaction_has_the_text_nowhere_when_it_has_read_all_anew(
    chats: RedisChats, ada: Person, bob: Person, logged_errors: list[str]
) -> None:
    """The log of batches did not reach back to the redaction."""
    one, two = chats.chats
    id_ = one.perform(ada, Say("dev", SECRET))
    assert id_ is not None
    assert read(two.read(0, room="dev")) == ["first", SECRET]
    wires = two.node.go_mute()
    one.service.perform(ada, Redact("dev", id_))
    for n in range(5):
        one.service.perform(ada, Say("dev", str(n)))
    chats.nodes.settle()
    lose_log(chats)
    for wire in wires:
        wire.lose()
    chats.nodes.advance(2)
    assert read(two.read(0, room="dev")) == ["first", "", "0", "1", "2", "3", "4"]
    assert SECRET not in repr(two.events("dev"))
    logged_errors.clear()


def test_a_room_that_is_erased_is_empty_on_every_node(
    chats: RedisChats, ada: Person, bob: Person
) -> None:
    """A room for members that a guest began is erased when it empties: nothing is left in Redis,
    and every node takes it for a room without a past.
    """
    one, two = chats.chats
    one.perform(ada, Admit("dev", "bob"))
    one.perform(ada, Configure("dev", access="members"))
    two.perform(bob, Say("dev", SECRET))
    chats.answered(two.service.end(bob))
    chats.answered(one.service.end(ada))
    chats.nodes.advance(1)
    for chat in chats.chats:
        assert chat.service.rooms.index.ends("dev") is None
        assert read(chat.read(0, room="dev")) == []
    assert SECRET.encode() not in everything(chats)
    assert two.say("anew", "dev")
    assert read(one.read(0, room="dev")) == ["anew"]
