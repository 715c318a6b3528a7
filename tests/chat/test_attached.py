"""Persons with sessions on several nodes (`chatd.chat.attached`)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chatd.chat import account_sessions
from chatd.chat.departures import LEAVE_SECONDS
from chatd.chat.person import Person
from chatd.chat.sessions import GRACE_SECONDS, LastingSession
from chatd.codecs.json import JSON
from chatd.model.addresses import LOCAL
from chatd.model.commands import Join, Leave, Rename, Say, Tell
from chatd.model.errors import BadToken, InDoubt
from chatd.model.events import Joined, Left, Said
from chatd.model.moderation import Redact
from chatd.model.units import ATTACHED
from chatd.store.redis.appending import TELL_SECONDS
from chatd.store.redis.lease import BEAT_SECONDS, MOST_BEATS
from chatd.testing import FakeOutlet, InMemoryChat, result_of

from ..kit.chat import PASSWORD, events, private, registered, settled, signed_in
from ..kit.redis import absent_server
from ..kit.redis_chat import ChatNode, RedisChats

pytestmark = pytest.mark.usefixtures("logged_warnings")
A_WHILE = BEAT_SECONDS * (MOST_BEATS + 3)


def begun(chats: RedisChats, chat: ChatNode, name: str) -> LastingSession:
    """A guest's session over HTTP."""
    session: LastingSession = chats.answered(chat.service.sessions.open(name))
    return session


def adopted(chats: RedisChats, chat: ChatNode, token: str) -> LastingSession:
    """The session of that token at another node."""
    session: LastingSession = chats.answered(chat.service.sessions.adopt(token, LOCAL))
    return session


def comings(chat: ChatNode) -> list[str]:
    """Who has come and gone, by what was announced in the lobby."""
    signs = {Joined: "+", Left: "-"}
    return [
        f"{signs[type(event)]}{event.sender}"
        for event in chat.events()
        if isinstance(event, Joined | Left)
    ]


def inbox(chat: ChatNode, session: LastingSession, cursor: int) -> list[str]:
    """The private messages that a reader of a session is given from a cursor on."""
    outlet = FakeOutlet()
    source = session.person.inbox
    service = chat.service
    place = service.place([source], cursor)
    outlet.subscriber = service.readers.open(
        session, [(source, JSON)], outlet, place.cursor, places=place.logs, gaps=place.gaps
    )
    outlet.subscriber.start()
    found = []
    for batch in outlet.batches:
        found += ["GAP"] * bool(batch.gaps)
        found += [event["text"] for event in json.loads(b"[%b]" % batch.chunk)]
    return found


def test_a_token_of_one_node_is_good_on_each(chats: RedisChats) -> None:
    """The guest is the same person there: name, rooms, what it says; it comes once."""
    one, two, three = chats.chats
    session = begun(chats, one, "ada")
    one.perform(session.person, Join("dev"))
    there = adopted(chats, two, session.token).person
    assert (there.id, there.name) == (session.person.id, "ada")
    assert sorted(there.rooms) == ["dev", "lobby"]
    two.perform(there, Say("dev", "hello"))
    two.perform(there, Join("ops"))
    chats.nodes.settle()
    assert sorted(session.person.rooms) == ["dev", "lobby", "ops"]
    one.perform(session.person, Leave("dev"))
    chats.nodes.settle()
    assert sorted(there.rooms) == ["lobby", "ops"]
    one.perform(session.person, Rename("adele"))
    chats.nodes.settle()
    assert (there.name, two.service.people.own("adele")) == ("adele", there)
    assert comings(three) == ["+ada"]
    assert three.room().names == ["adele"]


def test_a_person_leaves_with_its_last_session_on_any_node(chats: RedisChats) -> None:
    """Once; the grace counts on each node for itself."""
    one, two, three = chats.chats
    session = begun(chats, one, "ada")
    chats.nodes.advance(GRACE_SECONDS - 5)
    adopted(chats, two, session.token)
    chats.nodes.advance(10)
    assert one.service.people.own("ada") is None
    assert "ada" in one.service.people
    assert comings(three) == ["+ada"]
    chats.nodes.advance(GRACE_SECONDS)
    assert comings(three) == ["+ada", "-ada"]
    assert "ada" not in one.service.people
    assert chats.answered(one.node.store.table(ATTACHED)) == {}
    with pytest.raises(BadToken):
        adopted(chats, one, session.token)


def test_a_session_that_is_ended_on_one_node_is_over_on_each(chats: RedisChats) -> None:
    """Its readers are told, its token is no good anywhere."""
    one, two, three = chats.chats
    session = begun(chats, one, "ada")
    there = adopted(chats, two, session.token)
    outlet = FakeOutlet()
    outlet.subscriber = one.service.readers.open(
        session, [(one.room(), JSON)], outlet, one.service.horizon
    )
    outlet.subscriber.start()
    chats.answered(two.service.sessions.close(there))
    chats.nodes.settle()
    assert [error.code for error in outlet.revocations] == ["no-session"]
    for chat in chats.chats:
        with pytest.raises(BadToken):
            adopted(chats, chat, session.token)
    assert comings(three) == ["+ada", "-ada"]


def test_a_sign_in_on_one_node_leaves_alone_the_connections_on_another(
    chats: RedisChats, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are listed on each node, until their own one is gone."""
    monkeypatch.setattr(account_sessions, "CONNECTING_MICROS", 0)  # for those that are connected
    one, two, three = chats.chats
    proof = chats.answered(one.service.sign_in.register("ada", PASSWORD, LOCAL))
    connected = chats.answered(one.service.signed_in.connect(proof, LOCAL, "irc"))
    proof = chats.answered(two.service.sign_in.prove("ada", PASSWORD, LOCAL))
    page = chats.answered(two.service.signed_in.begin(proof, LOCAL, "page"))
    connected.credential.check()
    for chat in chats.chats:
        record = chats.answered(chat.service.accounts.find("ada"))
        listed = chats.answered(chat.service.signed_in.listed(record))
        assert set(listed) == {connected.id, page.id}
    one.node.die()
    chats.nodes.advance(A_WHILE)
    record = chats.answered(three.service.accounts.find("ada"))
    assert set(chats.answered(three.service.signed_in.listed(record))) == {page.id}
    chats.chats.remove(one)


def test_a_connection_on_a_node_of_an_older_version_counts_while_another_node_has_the_person(
    chats: RedisChats, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its session does not say on which node it is."""
    monkeypatch.setattr(account_sessions, "CONNECTING_MICROS", 0)
    one, two, _ = chats.chats
    monkeypatch.setattr(one.service.signed_in, "_start", "")
    proof = chats.answered(one.service.sign_in.register("ada", PASSWORD, LOCAL))
    connected = chats.answered(one.service.signed_in.connect(proof, LOCAL, "irc"))
    record = chats.answered(two.service.accounts.find("ada"))
    assert set(chats.answered(two.service.signed_in.listed(record))) == {connected.id}
    one.node.die()
    chats.nodes.advance(A_WHILE)
    assert set(chats.answered(two.service.signed_in.listed(record))) == set()
    chats.chats.remove(one)


def test_private_messages_reach_all_sessions_of_a_person(chats: RedisChats) -> None:
    """Also those that were told before the session came to that node: no gap is told."""
    one, two, three = chats.chats
    session = begun(chats, one, "ada")
    cursor = one.service.horizon
    eve = three.enter("eve")
    three.perform(eve, Tell("ada", "one"))
    one.perform(session.person, Tell("eve", "two"))
    there = adopted(chats, two, session.token)
    three.perform(eve, Tell("ada", "three"))
    chats.nodes.settle()
    for chat, own in ((one, session), (two, there)):
        assert inbox(chat, own, cursor) == ["one", "two", "three"]


def test_a_guest_may_delete_at_one_node_what_it_said_at_another(chats: RedisChats) -> None:
    """It is its author there too."""
    one, two, _ = chats.chats
    session = begun(chats, one, "ada")
    id_ = one.perform(session.person, Say("lobby", "oops"))
    assert id_ is not None
    there = adopted(chats, two, session.token).person
    two.perform(there, Redact("lobby", id_))
    chats.nodes.settle()
    assert [event.text for event in one.events() if isinstance(event, Said)] == [""]


def test_a_session_goes_on_elsewhere_when_its_node_is_killed(chats: RedisChats) -> None:
    """Before the others have noticed, and for its grace after that.  Nothing is announced."""
    one, two, three = chats.chats
    tokens = {name: begun(chats, one, name).token for name in ("ada", "bob", "cy")}
    one.enter("eve")
    one.perform(person(one, "bob"), Join("dev"))
    one.node.die()
    adopted(chats, two, tokens["ada"])
    chats.nodes.advance(A_WHILE)
    assert comings(two) == ["+ada", "+bob", "+cy", "+eve", "-eve"]
    bob = adopted(chats, three, tokens["bob"]).person
    assert sorted(bob.rooms) == ["dev", "lobby"]
    chats.nodes.advance(GRACE_SECONDS - A_WHILE)
    assert comings(two) == ["+ada", "+bob", "+cy", "+eve", "-eve"]
    three.perform(adopted(chats, three, tokens["ada"]).person, Say("lobby", "here"))
    chats.nodes.advance(A_WHILE)
    assert comings(two) == ["+ada", "+bob", "+cy", "+eve", "-eve", "-cy"]
    with pytest.raises(BadToken):
        adopted(chats, two, tokens["cy"])
    chats.chats.remove(one)


def test_a_person_stays_if_one_of_its_nodes_is_killed(chats: RedisChats) -> None:
    """With the rooms that it joined there; and goes when the other one is killed too."""
    one, two, three = chats.chats
    session = begun(chats, one, "ada")
    there = adopted(chats, two, session.token).person
    two.perform(there, Join("dev"))
    two.node.die()
    chats.nodes.advance(A_WHILE)
    assert sorted(session.person.rooms) == ["dev", "lobby"]
    assert three.room("dev").names == ["ada"]
    one.perform(session.person, Say("dev", "still here"))
    one.node.die()
    chats.nodes.advance(A_WHILE + GRACE_SECONDS)
    assert comings(three) == ["+ada", "-ada"]
    assert three.room("dev").names == []
    chats.chats.remove(one)
    chats.chats.remove(two)


def test_a_session_goes_on_elsewhere_when_its_node_goes_down_in_order(chats: RedisChats) -> None:
    """It is not announced that it was gone."""
    one, two, three = chats.chats
    session = begun(chats, one, "ada")
    one.perform(session.person, Join("dev"))
    chats.answered(one.service.drain())
    chats.answered(one.service.stopService())
    chats.nodes.advance(2 * BEAT_SECONDS)
    there = adopted(chats, two, session.token).person
    assert (there.id, sorted(there.rooms)) == (session.person.id, ["dev", "lobby"])
    assert comings(three) == ["+ada"]
    chats.chats.remove(one)


def test_a_guest_gets_messages_from_other_nodes_while_its_node_restarts_or_a_gap(
    chats: RedisChats,
) -> None:
    """Messages from before the node has read the state are not kept: the guest gets a gap."""
    one, two, _ = chats.chats
    session = begun(chats, one, "ada")
    eve = two.enter("eve")
    cursor = two.say("hello")
    chats.nodes.settle()
    one.node.die()
    two.perform(eve, Tell("ada", "psst"))
    chats.chats.remove(one)
    again = ChatNode(chats, "a", 1000)
    chats.chats.append(again)
    assert inbox(again, adopted(chats, again, session.token), cursor) == ["GAP"]


def test_a_guest_whose_second_sign_in_follows_one_in_doubt_stays(
    chats: RedisChats, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Giving up the attempt in doubt does not undo the second one."""
    one, two, _ = chats.chats
    session = begun(chats, one, "ada")
    eve = two.enter("eve")
    chats.nodes.settle()
    append = two.node.store.append

    def append_behind_a_mute_switch(units: Any) -> Any:
        two.node.go_mute()
        two.node.dialler.server = absent_server()
        return append(units)

    monkeypatch.setattr(two.node.store, "append", append_behind_a_mute_switch)
    first = two.service.sessions.adopt(session.token, LOCAL)
    chats.nodes.advance(TELL_SECONDS + 0.3)
    with pytest.raises(InDoubt):
        result_of(first)
    two.node.dialler.server = chats.nodes.server
    chats.nodes.advance(LEAVE_SECONDS / 2)
    monkeypatch.setattr(two.node.store, "append", append)
    second = adopted(chats, two, session.token)
    cursor = two.say("hello")
    failed = two.service.journal_metrics.judged_again
    chats.nodes.advance(3 * LEAVE_SECONDS)
    assert two.service.journal_metrics.judged_again == failed
    assert two.service.people.own("ada") is second.person
    one.perform(session.person, Say("lobby", "from one"))
    two.perform(eve, Tell("ada", "psst"))
    assert inbox(two, second, cursor) == ["psst"]
    assert comings(two) == ["+ada", "+eve"]


def person(chat: ChatNode, name: str) -> Person:
    """A person of a node."""
    found = chat.service.people.own(name)
    assert found is not None
    return found


# -- accounts --------------------------------------------------------------------------------------


def test_an_account_is_one_person_with_sessions_on_several_nodes() -> None:
    """It comes with the first one and leaves with the last one; who it ignores is known on each."""
    one = InMemoryChat()
    two = InMemoryChat(node=one)
    registered(one, "ada")
    first, second = signed_in(one, "ada"), signed_in(two, "ada")
    assert first.person.id == second.person.id
    one.perform(first.person, Join("dev"))
    two.settle()
    assert sorted(second.person.rooms) == ["dev", "lobby"]
    settled(two, two.service.ignores.ignore(second.person, "eve"))
    eve = two.enter("eve")
    two.perform(eve, Tell("ada", "psst"))
    two.perform(second.person, Say("dev", "hello"))
    assert private(first.person) == private(second.person) == []
    settled(one, one.service.signed_in.sign_out(first))
    assert two.service.people.own("ada") is second.person
    assert "ada" in one.service.people
    two.perform(second.person, Say("dev", "still here"))
    settled(two, two.service.signed_in.sign_out(second))
    one.settle()
    assert "ada" not in one.service.people
    left = [event for event in events(one, "dev") if isinstance(event, Left)]
    assert len(left) == 1


def test_an_account_whose_sessions_begin_on_two_nodes_at_once_is_one_person() -> None:
    """Whichever node is first; the other one attaches itself."""
    one = InMemoryChat()
    two = InMemoryChat(node=one)
    registered(one, "ada")
    tokens = [signed_in(chat, "ada").token for chat in (one, two)]
    for chat in (one, two):
        chat.advance(2 * GRACE_SECONDS)
    assert "ada" not in one.service.people
    adopting = [
        chat.service.sessions.adopt(token, LOCAL)
        for chat, token in zip((one, two), tokens, strict=True)
    ]
    first, second = (settled(one, each) for each in adopting)
    assert first.person.id == second.person.id
    assert one.service.people.own("ada") is first.person
    assert two.service.people.own("ada") is second.person


def test_an_end_and_a_beginning_on_two_nodes_at_once_leave_the_person_present() -> None:
    """The later one is judged again."""
    one = InMemoryChat()
    two = InMemoryChat(node=one)
    registered(one, "ada")
    signed_in(one, "ada")
    token = signed_in(two, "ada").token
    two.advance(2 * GRACE_SECONDS)
    for ends_first in (True, False):
        first = signed_in(one, "ada")
        two.settle()
        outcomes: list[Any] = []
        if ends_first:
            outcomes.append(one.service.signed_in.sign_out(first))
        outcomes.append(two.service.sessions.adopt(token, LOCAL))
        if not ends_first:
            outcomes.append(one.service.signed_in.sign_out(first))
        for outcome in outcomes:
            settled(one, outcome)
        assert two.service.people.own("ada") is not None
        two.advance(2 * GRACE_SECONDS)
        assert "ada" not in one.service.people
