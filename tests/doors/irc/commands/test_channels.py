"""Channels: coming in, going out, the topic, and who is there."""

from __future__ import annotations

import pytest

from chatd.codecs.irc.message import parse
from chatd.model.commands import Join, Leave, Say, SetTopic
from chatd.model.moderation import BanFromServer, Configure

from ....kit.chat import with_account
from ....kit.irc import register, source
from ....kit.server import MemoryServer


def test_join_shows_topic_and_people(server: MemoryServer) -> None:
    register(server, "bob", rooms="#dev").ask("TOPIC #dev :tea at four")
    ada = register(server, "ada", "draft/read-marker", "draft/chathistory")
    me = source(server, "ada")
    joined, topic, by, marker, names, end = ada.ask("JOIN #Dev")
    assert joined == f":{me} JOIN #dev"
    assert topic == "332 ada #dev :tea at four"
    assert by.startswith("333 ada #dev bob 17")
    assert marker == "MARKREAD #dev *"
    assert names == "353 ada = #dev :@bob ada"
    assert end == "366 ada #dev :end of NAMES"


def test_each_join_and_leave_is_shown_singly(server: MemoryServer) -> None:
    """Guests of other doors too, who are announced nowhere else."""
    ada = register(server, "ada", rooms="#lobby")
    wire = server.line()
    (line,) = ada.read()
    assert line.startswith(":guest-0001!")
    assert line.endswith(" JOIN #lobby")
    wire.hang_up()
    (line,) = ada.read()
    assert line.startswith(":guest-0001!")
    assert " QUIT :" in line


def test_names_of_several_channels_are_joined_one_after_another(server: MemoryServer) -> None:
    """A bad name among them is refused alone; joining twice does nothing."""
    ada = register(server, "ada")
    assert ada.commands("JOIN #a,no,#b,#b") == ["JOIN", "353", "366", "403", "JOIN", "353", "366"]
    assert ada.commands("JOIN #a") == []


def test_a_channel_name_needs_its_sign_and_valid_characters(server: MemoryServer) -> None:
    """On the other doors the `#` is optional."""
    ada = register(server, "ada")
    assert ada.ask("JOIN lobby") == ["403 ada lobby :no such channel"]
    assert ada.commands("JOIN #b@d", "JOIN #" + "x" * 65) == ["403", "403"]


def test_too_many_channels_are_refused() -> None:
    """A person may be in so many rooms, on all doors together."""
    server = MemoryServer(rooms_per_session=2)
    ada = register(server, "ada", rooms="#a,#b")
    assert ada.commands("JOIN #c") == ["405"]


def test_what_is_too_fast_waits_and_is_done_in_its_order() -> None:
    """None of it is refused."""
    server = MemoryServer(message_rate=1)
    ada = register(server, "ada", rooms="#dev")
    ada.read()
    topics = [f"TOPIC #dev :{number}" for number in range(9)]
    ada.send(*topics, "MODE #dev +m", "PART #dev", "PING x")
    told: list[str] = []
    for _ in range(60):
        told += ada.read()
        server.chat.advance(1)
    commands = [message.command for line in told if (message := parse(line))]
    assert commands == ["TOPIC"] * 9 + ["MODE", "PART", "PONG"]
    assert [line.rpartition(":")[2] for line in told[:9]] == [str(number) for number in range(9)]


def test_only_join_brings_a_channel_into_being(server: MemoryServer) -> None:
    """Every other command is answered as for a channel that does not exist."""
    ada = register(server, "ada")
    lines = ["PRIVMSG #new :x", "TOPIC #new :x", "TOPIC #new", "MODE #new", "PART #new"]
    assert ada.commands(*lines) == ["403"] * 5
    assert ada.commands("NAMES #new", "WHO #new") == ["366", "315"]
    assert "new" not in server.chat.service.rooms.index


def test_part_shows_its_reason(server: MemoryServer) -> None:
    """To those in the channel; afterwards nothing of it is read."""
    ada = register(server, "ada", rooms="#dev")
    bob = register(server, "bob", rooms="#dev")
    ada.read()
    line = f":{source(server, 'ada')} PART #dev :tea"
    assert ada.ask("PART #dev :tea") == [line]
    assert bob.read() == [line]
    server.say("after", room="dev", name="cy")
    assert ada.read() == []
    assert ada.commands("PART #dev") == ["442"]


def test_a_client_follows_its_person_into_rooms_and_out(server: MemoryServer) -> None:
    """Whatever session has joined or left."""
    ada = register(server, "ada")
    person = server.chat.service.people.own("ada")
    assert person is not None
    server.chat.perform(person, Join("dev"))
    assert [line.split()[1] for line in ada.read()] == ["JOIN", "ada", "ada"]
    server.chat.perform(person, Leave("dev"))
    (line,) = ada.read()
    assert line.endswith(" PART #dev")


def test_a_message_in_the_batch_of_a_join_is_not_lost(server: MemoryServer) -> None:
    """It comes behind the answer to JOIN."""
    bob = register(server, "bob", rooms="#dev")
    ada = register(server, "ada")
    ada.send("JOIN #dev")
    bob.send("PRIVMSG #dev :hello")
    text = "\n".join(ada.read())
    assert text.count("PRIVMSG #dev :hello") == 1
    assert text.index("JOIN #dev") < text.index("PRIVMSG #dev :hello")


def test_join_replays_the_last_messages(server: MemoryServer) -> None:
    """As notices, or with the time as they were; in a batch where that is understood."""
    server.say(*(f"line {number}" for number in range(12)), name="bob")
    plain = register(server, "ada").ask("JOIN #lobby")[-10:]
    assert plain[0].startswith("NOTICE #lobby :[")
    assert plain[0].endswith("] <bob> line 2")
    timed = register(server, "cy", "server-time").ask("JOIN #lobby")[-12:]
    assert timed[0] == "NOTICE #lobby :the last messages in #lobby:"
    assert timed[1].startswith("@time=")
    batched = register(server, "dan", "server-time", "batch").messages("JOIN #lobby")[-12:]
    assert [message.command for message in batched] == ["BATCH", *["PRIVMSG"] * 10, "BATCH"]
    asking = register(server, "eve", "draft/chathistory").commands("JOIN #lobby")
    assert asking == ["JOIN", "353", "366"]


def test_a_topic_is_shown_to_all_and_cleared(server: MemoryServer) -> None:
    """An empty text clears it; who set it, and when, is told with it."""
    ada = register(server, "ada", rooms="#dev")
    bob = register(server, "bob", rooms="#dev")
    ada.read()
    line = f":{source(server, 'ada')} TOPIC #dev :tea"
    assert ada.ask("TOPIC #dev :tea") == [line]
    assert bob.read() == [line]
    assert ada.commands("TOPIC #dev") == ["332", "333"]
    ada.ask("TOPIC #dev :")
    assert ada.commands("TOPIC #dev") == ["331"]


def test_who_is_banned_from_a_channel_is_not_on_it(server: MemoryServer) -> None:
    """The channel exists, and JOIN says why the client may not come in."""
    ada, bob = register(server, "ada", rooms="#dev"), register(server, "bob", rooms="#dev")
    register(server, "eve")
    ada.ask("TOPIC #dev :news", "MODE #dev +b bob!*@*")
    bob.read()
    asked = ["TOPIC #dev", "TOPIC #dev :mine", "MODE #dev", "MODE #dev b", "MODE #dev +m"]
    asked += ["KICK #dev ada", "INVITE eve #dev", "PART #dev"]
    assert bob.commands(*asked) == ["442"] * len(asked)
    assert bob.commands("JOIN #dev", "PRIVMSG #dev :hi") == ["474", "404"]


ASKED = [
    "MODE #{}",
    "MODE #{} b",
    "MODE #{} +m",
    "TOPIC #{}",
    "TOPIC #{} :mine",
    "NAMES #{}",
    "WHO #{}",
    "LIST #{}",
    "KICK #{} ruth :x",
    "INVITE bob #{}",
    "PART #{}",
    "PRIVMSG #{} :hi",
    "NOTICE #{} :hi",
    "PRIVMSG #{} :\x01ACTION waves\x01",
    "@+typing=active TAGMSG #{}",
    "CHATHISTORY LATEST #{} * 10",
    "REDACT #{} 1234567890123456",
]


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("loaded", [True, False], ids=["in memory", "not in memory"])
def test_a_hidden_room_is_answered_like_a_missing_one(
    server: MemoryServer, asked: str, loaded: bool
) -> None:
    """Only JOIN tells that its name is taken."""
    otto = with_account(server.chat, "otto")
    founded = (
        Join("den"),
        SetTopic("den", "secret"),
        Configure("den", access="members"),
        Say("den", "secret"),
    )
    for command in founded:
        server.chat.perform(otto, command)
    if not loaded:
        server = server.restarted()
    caps = ("message-tags", "draft/chathistory", "draft/message-redaction", "standard-replies")
    ada = register(server, "ada", *caps)
    register(server, "bob")
    register(server, "ruth")
    absent = [line.replace("none", "den") for line in ada.ask(asked.format("none"))]
    assert ada.ask(asked.format("den")) == absent
    assert ada.commands("JOIN #den") == ["473"]
    lists = ada.ask("LIST", "WHOIS otto", "NAMES", "LUSERS")
    assert not any("#den" in line or "secret" in line for line in lists)


def test_a_room_that_becomes_hidden_is_taken_from_its_readers_at_once(
    server: MemoryServer,
) -> None:
    """Of several: the others stay.  What a full reader had not read yet is not sent."""
    ruth = register(server, "ruth", rooms="#den")
    ada = register(server, "ada", rooms="#den,#dev")
    ada.wire.fill()
    ruth.ask("PRIVMSG #den :one")
    ruth.ask("MODE #den +i", "PRIVMSG #den :secret")
    ada.wire.drain()
    lines = ada.read()
    assert not any("secret" in line for line in lines)
    assert any(" KICK #den ada :" in line or line.startswith("KICK #den ada") for line in lines)
    server.say("here", room="dev")
    (line,) = ada.read()
    assert line.endswith("PRIVMSG #dev :here")


def test_a_person_banned_from_the_server_is_disconnected_at_once(server: MemoryServer) -> None:
    """The last line says why."""
    ada = register(server, "ada", rooms="#dev")
    root = with_account(server.chat, "rosa", admin=True)
    server.chat.perform(root, BanFromServer("ada", None, "spam"))
    lines = ada.read()
    assert lines[-1].startswith("ERROR :closing link: you are banned from the server")
    assert ada.closed
    assert server.chat.service.people.own("ada") is None


def test_what_ignored_people_say_is_left_out(server: MemoryServer) -> None:
    """In rooms, in private, and of what was said before; from the moment on that it is asked for
    at any session.
    """
    caps = ("message-tags", "draft/chathistory", "batch")
    ada, bob = register(server, "ada", *caps, rooms="#dev"), register(server, "bob", rooms="#dev")
    person = server.chat.service.people.own("ada")
    assert person is not None
    server.chat.service.ignores.ignore(person, "BOB")
    ada.read()
    bob.ask("PRIVMSG #dev :one", "PRIVMSG ada :two", "NOTICE ada :\x01VERSION\x01", "TOPIC #dev :x")
    (line,) = ada.read()
    assert line.endswith("TOPIC #dev :x")
    assert len(ada.ask("CHATHISTORY LATEST #dev * 10")) == 2
    server.chat.service.ignores.unignore(person, "bob")
    ada.read()
    bob.ask("PRIVMSG #dev :again")
    (line,) = ada.read()
    assert line.endswith("PRIVMSG #dev :again")


def test_a_client_follows_its_person_also_while_its_own_commands_have_no_outcome(
    server: MemoryServer,
) -> None:
    """A room that another session joins meanwhile is read when they have one."""
    ada = register(server, "ada", rooms="#dev")
    person = server.chat.service.people.own("ada")
    assert person is not None
    server.chat.service.perform(person, Join("two"))
    ada.send("PRIVMSG #dev :hi")
    assert [line.split()[1] for line in ada.read()] == ["JOIN", "ada", "ada"]


def test_each_change_of_a_nick_is_shown_once_to_a_client_in_two_shared_channels(
    server: MemoryServer,
) -> None:
    """Also the same change again: a client that missed one would take the person for two."""
    ada = register(server, "ada", rooms="#dev,#den")
    bob = register(server, "bob", rooms="#dev,#den")
    ada.read()
    for nick in ("rob", "bob", "rob", "bob"):
        bob.ask(f"NICK {nick}")
    assert [line.split()[1:] for line in ada.read()] == [
        ["NICK", "rob"],
        ["NICK", "bob"],
        ["NICK", "rob"],
        ["NICK", "bob"],
    ]


def test_the_same_quit_of_somebody_who_has_come_back_unseen_is_shown(
    server: MemoryServer,
) -> None:
    """In a channel that the client has joined since: its list of people has the name again."""
    ada = register(server, "ada", rooms="#dev,#den")
    register(server, "bob", rooms="#dev,#den").ask("QUIT :bye")
    assert "QUIT" in [line.split()[1] for line in ada.read()]
    bob = register(server, "bob", rooms="#far")
    ada.ask("JOIN #far")
    bob.ask("QUIT :bye")
    (line,) = ada.read()
    assert line.split()[1] == "QUIT"


# -- put out at once -----------------------------------------------------------------------------


def test_a_ban_behind_a_join_that_is_not_shown_yet_refuses_the_join(server: MemoryServer) -> None:
    """The client is in the channel at no time, so it is not kicked from there."""
    bob = register(server, "bob", rooms="#dev")
    ada = register(server, "ada")
    ada.send("JOIN #dev,#other")
    bob.send("MODE #dev +b ada!*@*")
    refused, *others = ada.read()
    assert refused == "474 ada #dev :you are banned from #dev"
    assert [message.command for line in others if (message := parse(line))] == [
        *("JOIN", "353", "366")
    ]
    assert others[0].endswith(" JOIN #other")


def test_a_ban_right_behind_a_join_that_was_shown_kicks_once(server: MemoryServer) -> None:
    """The store shows the join first, and the ban later in the same turn."""
    bob = register(server, "bob", rooms="#dev")
    ada = register(server, "ada")
    server.hold_appends()
    ada.ask("JOIN #dev")
    bob.ask("MODE #dev +b ada!*@*")
    server.release_appends()
    assert ada.commands() == ["JOIN", "353", "366", "KICK"]


def test_a_channel_that_another_session_could_not_enter_is_not_shown(server: MemoryServer) -> None:
    """A client follows its person: one that was put out at once has been in no channel."""
    bob = register(server, "bob", rooms="#dev")
    ada = register(server, "ada")
    person = server.chat.service.people.own("ada")
    assert person is not None
    server.chat.service.perform(person, Join("dev"))
    bob.send("MODE #dev +b ada!*@*")
    assert ada.commands() == []
    assert "dev" not in person.rooms


LABELLED = ("labeled-response", "batch", "setname")


@pytest.mark.parametrize(
    "command", ["PART #a", "MODE #a +m", "MODE #a +b x", "KICK #a bob", "NICK eve", "SETNAME :E."]
)
def test_the_line_that_a_command_causes_has_its_label(server: MemoryServer, command: str) -> None:
    """As the only answer, and once, also in two channels with the same people."""
    ada = register(server, "ada", *LABELLED, rooms="#a,#b")
    register(server, "bob", rooms="#a,#b")
    ada.read()
    (line,) = ada.messages(f"@label=7 {command}")
    assert line.tags["label"] == "7"
    assert line.command == command.split()[0]


@pytest.mark.parametrize(
    ("command", "lines"),
    [
        ("PART #a,#b,#c", ["PART", "PART", "403"]),
        ("JOIN 0", ["PART", "PART"]),
        ("KICK #a bob,cy,dan", ["KICK", "KICK", "401"]),
        ("MODE #a +bovk-m x bob cy", ["472", "MODE", "MODE", "MODE"]),
    ],
)
def test_an_answer_of_several_lines_is_one_labelled_batch(
    server: MemoryServer, command: str, lines: list[str]
) -> None:
    """Its events are in it, at their places; it ends behind them."""
    ada = register(server, "ada", *LABELLED, rooms="#a,#b")
    for name in ("bob", "cy"):
        register(server, name, rooms="#a")
    ada.read()
    server.hold_appends()
    answer = ada.messages(f"@label=7 {command}")
    server.release_appends()
    opening, *within, end = answer + ada.messages()
    assert (opening.command, opening.tags["label"]) == ("BATCH", "7")
    assert sorted(line.command for line in within) == sorted(lines)
    assert {line.tags["batch"] for line in within} == {opening.params[0][1:]}
    assert end.params == ("-" + opening.params[0][1:],)
