"""Nodes of one chat on one Redis: what their people see when a node or the engine fails."""

from __future__ import annotations

from typing import cast

import pytest

from chatd.chat import judge_nodes
from chatd.chat.person import Person
from chatd.chat.sessions import GRACE_SECONDS, Session
from chatd.codecs.json import JSON
from chatd.model.addresses import LOCAL
from chatd.model.commands import Join, Rename, Say, SetTopic, Tell
from chatd.model.errors import BadToken, NameInUse
from chatd.model.events import Joined, Said, Told
from chatd.model.policy import Policy
from chatd.model.units import Unit
from chatd.store.redis.lease import BEAT_SECONDS, MOST_BEATS
from chatd.testing import FakeOutlet

from ..kit.chat import private, read
from ..kit.redis import RedisServer, absent_server
from ..kit.redis_chat import ChatNode, RedisChats, holders, leaves

pytestmark = pytest.mark.usefixtures("logged_warnings")
A_WHILE = BEAT_SECONDS * (MOST_BEATS + 3)


# -- several nodes ---------------------------------------------------------------------------------


def test_people_of_all_nodes_are_in_one_chat(chats: RedisChats) -> None:
    """One order, one set of names, one list of members; private messages find their way."""
    one, two, three = chats.chats
    ada, bob = one.enter("ada"), two.enter("bob")
    one.perform(ada, Say("lobby", "hello"))
    two.perform(bob, Join("dev"))
    two.perform(bob, SetTopic("dev", "code"))
    one.perform(ada, Tell("bob", "psst"))
    with pytest.raises(NameInUse):
        three.enter("ADA")
    chats.nodes.settle()
    assert holders(one) == holders(two) == holders(three) == {"ada": "ada", "bob": "bob"}
    assert one.events() == two.events() == three.events()
    assert [chat.room().names for chat in chats.chats] == [["ada", "bob"]] * 3
    assert three.room("dev").state.topic == "code"
    assert [event.text for event in private(bob) if isinstance(event, Told)] == ["psst"]
    two.perform(bob, Rename("bert"))
    assert holders(one) == {"ada": "ada", "bert": "bert"}


def test_a_cursor_of_one_node_is_good_on_another(chats: RedisChats) -> None:
    """Also if that node is a moment behind; one from the future was never given."""
    one, two, _ = chats.chats
    one.say("one")
    two.room()
    wires = two.node.go_mute()
    cursor = one.say("two")
    reader = two.read(cursor)
    for wire in wires:
        wire.mute = False
    chats.nodes.settle()
    one.say("three")
    chats.nodes.settle()
    assert read(reader) == ["three"]
    assert read(two.read(cursor + 3_600_000_000)) == ["GAP", "one", "two", "three"]


def test_sessions_of_a_node_that_was_given_up_are_over(
    chats: RedisChats, logged_errors: list[str]
) -> None:
    """Its readers are told; new people may come.  Sessions over HTTP keep their grace."""
    one, two, _ = chats.chats
    sessions = one.service.sessions
    token = chats.answered(sessions.open("ada")).token
    eve = chats.answered(sessions.open("eve")).token
    bob = one.enter("bob")
    outlet = FakeOutlet()
    outlet.subscriber = one.service.readers.open(
        Session(bob), [(one.room(), JSON)], outlet, one.service.horizon
    )
    outlet.subscriber.start()
    one.node.dialler.server = absent_server()
    for wire in one.node.go_mute():
        wire.lose()
    chats.nodes.advance(A_WHILE)
    assert leaves(two) == ["bob"]
    one.node.dialler.server = chats.nodes.server
    chats.nodes.advance(3)
    assert [type(error).code for error in outlet.revocations] == ["no-session"]
    assert not sessions.knows(eve)  # so the next request has it read from the store again
    assert chats.answered(sessions.adopt(eve, LOCAL)).person.name == "eve"
    assert one.enter("bob").name == "bob"
    chats.nodes.advance(GRACE_SECONDS)
    assert leaves(two) == ["bob", "ada"]
    assert holders(one) == holders(two) == {"eve": "eve", "bob": "bob"}
    with pytest.raises(BadToken):
        chats.answered(sessions.adopt(token, LOCAL))
    assert two.room().names == ["bob", "eve"]


def test_people_who_went_while_a_node_was_given_up_are_not_there_when_it_is_back(
    logged_errors: list[str],
) -> None:
    """Though nothing was stored of their going: their node was killed, and found itself alone."""
    with RedisChats("a", "b") as chats:
        one, two = chats.chats
        one.enter("ada")
        two.enter("bob")
        one.node.dialler.server = absent_server()
        for wire in one.node.go_mute():
            wire.lose()
        chats.nodes.advance(A_WHILE)
        two.node.die()
        again = ChatNode(chats, "b", 1000)
        assert holders(again) == {}
        one.node.dialler.server = chats.nodes.server
        chats.nodes.advance(3)
        assert holders(one) == {}
        assert one.room().names == []
        assert one.enter("bob").name == "bob"
        assert holders(again) == {"bob": "bob"}


# -- an engine that has lost something -------------------------------------------------------------


def test_people_and_readers_outlive_an_engine_that_has_lost_everything(
    logged_errors: list[str],
) -> None:
    """Names are taken again, readers are told of a gap, and life goes on."""
    server = RedisServer().start()
    with RedisChats("a", "b", server=server) as chats:
        one, two = chats.chats
        ada, bob = one.enter("ada"), two.enter("bob")
        one.perform(ada, Join("dev"))
        reader = two.read()
        old = one.say("lost")
        chats.nodes.settle()
        server.kill()
        chats.nodes.advance(0.5)
        server.start()
        chats.nodes.advance(3)
        assert holders(one) == holders(two) == {"ada": "ada", "bob": "bob"}
        assert one.room().names == two.room().names == ["ada", "bob"]
        assert two.room("dev").names == ["ada"]
        one.perform(ada, Say("lobby", "new"))
        two.perform(bob, Say("lobby", "too"))
        chats.nodes.settle()
        assert read(reader) == ["lost", "GAP", "new", "too"]
        assert read(one.read(old)) == ["GAP", "new", "too"]
        assert [type(event) for event in one.events()] == [Said, Said]
    server.remove()
    logged_errors.clear()


def test_a_person_who_goes_while_its_lost_name_is_taken_again_leaves(
    monkeypatch: pytest.MonkeyPatch, logged_errors: list[str]
) -> None:
    """Its departure waits for the claim of the name; otherwise nothing would free the name."""
    server = RedisServer().start()
    with RedisChats("a", "b", server=server) as chats:
        one, two = chats.chats
        ada = one.enter("ada")
        claim = judge_nodes.claim_again

        def claim_and_go(policy: Policy, person: Person) -> Unit:
            chats.nodes.clock.callLater(0, one.service.end, person)
            return claim(policy, person)

        monkeypatch.setattr(judge_nodes, "claim_again", claim_and_go)
        server.ask("FLUSHALL")
        two.node.cut()
        chats.nodes.advance(3)
        assert ada.ended
        assert holders(one) == holders(two) == {}
        assert one.room().names == two.room().names == []
        assert two.enter("ada").name == "ada"
    server.remove()
    logged_errors.clear()


def test_readers_are_told_of_what_a_failover_has_lost(logged_errors: list[str]) -> None:
    """And are given what stands in its place; a cursor from the time that is lost is told a gap
    too, on every node.
    """
    old = RedisServer().start()
    with RedisChats("a", "b", server=old) as chats:
        one, two = chats.chats
        ada = one.enter("ada")
        reader = two.read()
        kept = one.say("kept")
        chats.nodes.settle()
        new = old.copy()
        lost = one.say("lost")
        eve = one.enter("eve")
        chats.nodes.settle()
        old.kill()
        for chat in chats.chats:
            chat.node.dialler.server = new
        chats.nodes.advance(3)
        one.perform(ada, Say("lobby", "new"))
        one.perform(eve, Say("lobby", "still here"))
        chats.nodes.settle()
        assert read(reader) == ["kept", "lost", "GAP", "new", "still here"]
        assert read(two.read(kept)) == ["new", "still here"]
        assert read(two.read(lost)) == ["GAP", "new", "still here"]
        assert holders(one) == holders(two) == {"ada": "ada", "eve": "eve"}
        assert [type(event) for event in two.events()][:1] == [Joined]
        chats.nodes.server = new
        late = ChatNode(chats, "c", 1000)
        assert read(late.read(lost)) == ["GAP", "new", "still here"]
        assert read(late.read(kept)) == ["new", "still here"]
    new.remove()
    old.remove()
    logged_errors.clear()


def test_a_repeat_of_what_a_failover_has_lost_is_carried_out(logged_errors: list[str]) -> None:
    """It is not answered with the id of a message that is stored nowhere; one that is stored is."""
    old = RedisServer().start()
    with RedisChats("a", "b", server=old) as chats:
        one, two = chats.chats

        def say(chat: ChatNode, text: str) -> int | None:
            service, command = chat.service, Say("lobby", text)
            key = service.request_keys.key("ci", "k", command)
            visitor = service.visitor("ci")
            said = service.request_keys.once(key, lambda: service.perform(visitor, command, key))
            return cast("int | None", chats.answered(said))

        kept = say(one, "kept")
        new = old.copy()
        lost = say(one, "lost")
        chats.nodes.settle()
        assert say(two, "lost") == lost
        old.kill()
        for chat in chats.chats:
            chat.node.dialler.server = new
        chats.nodes.advance(3)
        again = say(two, "lost")
        assert again != lost
        assert say(one, "lost") == again
        assert say(one, "kept") == say(two, "kept") == kept
        assert [event.text for event in two.events() if isinstance(event, Said)] == ["kept", "lost"]
    new.remove()
    old.remove()
    logged_errors.clear()


def test_a_node_that_starts_after_a_failover_knows_what_was_lost_before() -> None:
    """Though no node has seen both; a cursor that the failover has spared gets no gap."""
    old = RedisServer().start()
    with RedisChats("a", server=old) as chats:
        (one,) = chats.chats
        kept = one.say("kept")
        new = old.copy()
        lost = one.say("lost")
        one.node.die()
        old.kill()
        chats.nodes.server = new
        late = ChatNode(chats, "b", 1000)
        begun = late.service.horizon
        late.say("new")
        assert read(late.read(lost)) == ["GAP", "new"]
        assert read(late.read(kept)) == read(late.read(begun)) == ["new"]
    new.remove()
    old.remove()


def test_a_node_that_was_behind_for_too_long_gives_its_readers_everything(
    chats: RedisChats, logged_errors: list[str]
) -> None:
    """The log was too short for it, but the rooms have it all: no gap is told."""
    one, two, _ = chats.chats
    two.enter("bob")
    reader = one.read()
    one.say("first")
    wires = one.node.go_mute()
    texts = [str(n) for n in range(20)]
    for text in texts:
        two.say(text)
    two.enter("eve")
    chats.nodes.settle()
    chats.nodes.server.ask("ZREMRANGEBYRANK", chats.nodes.key("log"), "0", "-3")
    for wire in wires:
        wire.lose()
    chats.nodes.advance(1)
    two.say("last")
    chats.nodes.settle()
    assert read(reader) == ["first", *texts, "last"]
    assert holders(one) == holders(two)
    assert one.room().names == ["bob", "eve"]
    logged_errors.clear()


def test_what_is_said_while_the_state_is_read_anew_is_folded_once(
    chats: RedisChats, logged_errors: list[str]
) -> None:
    """Whether the state that is read has it already or not; private messages arrive too."""
    one, two, _ = chats.chats
    bob = one.enter("bob")
    eve = two.enter("eve")
    inbox = FakeOutlet()
    inbox.subscriber = one.service.readers.open(
        Session(bob), [(bob.inbox, JSON)], inbox, one.service.horizon
    )
    inbox.subscriber.start()
    wires = one.node.go_mute()
    for n in range(20):
        two.say(str(n))
    two.perform(eve, Tell("bob", "missed"))
    two.say("x", "dev")
    two.say("y", "dev")
    chats.nodes.settle()
    chats.nodes.server.ask("ZREMRANGEBYRANK", chats.nodes.key("log"), "0", "-3")
    for wire in wires:
        wire.lose()
    for n in range(20, 200):
        two.service.perform(two.service.visitor("ci"), Say("lobby", str(n)))
        if n % 20 == 0:
            two.service.perform(eve, Tell("bob", f"psst {n}"))
            two.service.perform(eve, Join(f"room{n}"))
        chats.nodes.clock.advance(0.01)
        for wire in list(chats.nodes.wires):
            wire.read()
    chats.nodes.advance(1)
    said = [event.text for event in one.events() if isinstance(event, Said)]
    assert said == [str(n) for n in range(200)]
    told = [event.text for event in private(bob) if isinstance(event, Told)]
    assert told == [f"psst {n}" for n in range(20, 200, 20)][-len(told) :]
    assert len(told) > 3
    assert [bool(batch.gaps) for batch in inbox.batches].index(True) == 0
    assert one.room("room40").names == ["eve"]
    logged_errors.clear()


def test_a_room_that_could_not_be_read_is_read_when_the_engine_is_back(
    logged_errors: list[str],
) -> None:
    """Its past, and who is in it."""
    server = RedisServer("--appendonly", "yes", "--appendfsync", "always").start()
    with RedisChats("a", "b", server=server) as chats:
        one, two = chats.chats
        eve = two.enter("eve")
        two.perform(eve, Join("dev"))
        two.perform(eve, Join("ops"))
        two.say("before", "dev")
        chats.nodes.settle()
        server.kill()
        chats.nodes.advance(0.5)
        loading = [one.service.rooms.load(name) for name in ("dev", "ops")]
        chats.nodes.advance(2.2)
        rooms = [chats.answered(loaded) for loaded in loading]
        assert [room.names for room in rooms] == [[], []]
        server.start()
        chats.nodes.advance(12)
        for room in rooms:
            one.room(room.name)
        chats.nodes.settle()
        assert [room.names for room in rooms] == [["eve"], ["eve"]]
        assert [event.text for event in one.events("dev") if isinstance(event, Said)] == ["before"]
    server.remove()
    logged_errors.clear()
