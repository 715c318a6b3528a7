"""What clients say."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from chatd.model.events import Acted, Said

from ....kit.irc import register, source
from ....kit.server import MemoryServer


def last(server: MemoryServer, room: str = "lobby") -> object:
    """The newest event of a room."""
    return server.chat.entries(room)[-1].event


def test_a_message_reaches_the_others_and_not_its_sender(server: MemoryServer) -> None:
    """With its msgid, and blanks as they were."""
    ada = register(server, "ada", rooms="#lobby")
    bob = register(server, "bob", "message-tags", rooms="#lobby")
    ada.read()
    assert ada.ask("PRIVMSG #lobby :hi  there") == []
    entry = server.chat.entries("lobby")[-1]
    line = f":{source(server, 'ada')} PRIVMSG #lobby :hi  there"
    assert bob.read() == [f"@msgid={entry.id} {line}"]
    assert entry.event == Said("lobby", "ada", "hi  there")


def test_an_own_message_is_shown_with_echo_message(server: MemoryServer) -> None:
    """As others read it."""
    ada = register(server, "ada", "echo-message", rooms="#lobby")
    (line,) = ada.ask("PRIVMSG #lobby :hi")
    assert line.endswith("PRIVMSG #lobby :hi")


def test_an_own_message_has_its_label_in_its_place(server: MemoryServer) -> None:
    """Between those of others, in the order of the ids."""
    caps = ("echo-message", "labeled-response", "message-tags")
    ada = register(server, "ada", *caps, rooms="#lobby")
    bob = register(server, "bob", "echo-message", rooms="#lobby")
    ada.read()
    bob.send("PRIVMSG #lobby :one")
    ada.send("@label=7 PRIVMSG #lobby :two")
    bob.send("PRIVMSG #lobby :three")
    lines = ada.read()
    assert [line.rpartition(":")[2] for line in lines] == ["one", "two", "three"]
    assert ["label=7" in line for line in lines] == [False, True, False]
    assert not any("label" in line for line in bob.read())


@pytest.mark.parametrize("echo", [True, False])
def test_messages_sent_together_have_their_labels(server: MemoryServer, echo: bool) -> None:
    """Each its own, also if they are stored together; without `echo-message` none is echoed."""
    caps = ["labeled-response", "message-tags", "batch", *(["echo-message"] if echo else [])]
    ada, bob = register(server, "ada", *caps, rooms="#dev"), register(server, "bob")
    server.hold_appends()
    texts = ["#dev :one", "#dev :two", "bob :three", "#dev :four"]
    ada.send(*(f"@label={label} PRIVMSG {text}" for label, text in enumerate(texts)))
    server.chat.settle()
    server.release_appends()
    lines = ada.messages("@label=4;+typing=active TAGMSG #dev")
    assert sorted(line.tags["label"] for line in lines) == ["0", "1", "2", "3", "4"]
    assert {line.command for line in lines} == ({"PRIVMSG", "TAGMSG"} if echo else {"ACK"})
    assert len(bob.read()) == 1


def test_a_label_is_written_as_it_came(server: MemoryServer) -> None:
    """With its blanks and semicolons escaped."""
    ada = register(server, "ada", "labeled-response", "echo-message", rooms="#dev")
    (line,) = ada.ask(r"@label=a\sb\:c PRIVMSG #dev :hi")
    assert line.startswith(r"@label=a\sb\:c :ada!")


def test_the_same_text_twice_has_two_labels(server: MemoryServer) -> None:
    """Without other tags, their lines are the same."""
    ada = register(server, "ada", "labeled-response", "echo-message", rooms="#dev")
    server.hold_appends()
    ada.ask("PRIVMSG #dev :hi", "@label=1 PRIVMSG #dev :hi", "@label=2 PRIVMSG #dev :hi")
    server.release_appends()
    lines = ada.read()
    assert sorted(line.partition(":")[0] for line in lines) == ["", "@label=1 ", "@label=2 "]


def test_without_an_echo_a_label_is_acknowledged(server: MemoryServer) -> None:
    """Every labelled command is answered, by a line, a batch or `ACK`."""
    ada = register(server, "ada", "labeled-response", rooms="#lobby")
    assert ada.ask("@label=7 PRIVMSG #lobby :hi") == ["@label=7 :irc.example ACK"]
    assert ada.ask("@label=8 PING x") == ["@label=8 :irc.example PONG irc.example :x"]
    opening, *_, end = ada.messages("@label=9 JOIN #dev")
    assert (opening.command, opening.tags["label"], end.command) == ("BATCH", "9", "BATCH")


def test_actions_and_notices_are_shown_on_all_doors(server: MemoryServer) -> None:
    """An action is CTCP on IRC only."""
    ada = register(server, "ada", rooms="#lobby")
    wire = server.line()
    wire.received()
    ada.ask("PRIVMSG #lobby :\x01ACTION waves\x01", "NOTICE #lobby :beep")
    assert b"* ada waves\r\n<ada> beep\r\n" in wire.received()
    assert last(server) == Said("lobby", "ada", "beep", notice=True)
    assert isinstance(server.chat.entries("lobby")[-2].event, Acted)


def test_formatting_codes_are_removed(server: MemoryServer) -> None:
    """Other doors could not show them."""
    register(server, "ada", rooms="#lobby").ask("PRIVMSG #lobby :\x02bold\x02 \x0304,12red\x03")
    assert last(server) == Said("lobby", "ada", "bold red")


def test_a_private_message_reaches_one_person(server: MemoryServer) -> None:
    """In any case of the nick."""
    ada, bob = register(server, "ada"), register(server, "bob")
    assert ada.ask("PRIVMSG BOB :psst") == []
    assert bob.read() == [f":{source(server, 'ada')} PRIVMSG bob :psst"]


@pytest.mark.parametrize(("capabilities", "times"), [((), 1), (("echo-message",), 2)])
def test_a_message_to_oneself_is_received(
    server: MemoryServer, capabilities: tuple[str, ...], times: int
) -> None:
    """And with `echo-message` shown as sent, too."""
    ada = register(server, "ada", *capabilities)
    assert len(ada.ask("PRIVMSG ada :milk")) == times


@pytest.mark.parametrize(
    ("line", "numeric"),
    [
        ("PRIVMSG", "411"),
        ("PRIVMSG #lobby", "412"),
        ("PRIVMSG #lobby :", "412"),
        ("PRIVMSG #dev :\x02\x02", "412"),
        ("PRIVMSG nobody :hi", "401"),
        ("PRIVMSG " + "x" * 400 + " :hi", "401"),
        ("PRIVMSG #nowhere :hi", "403"),
        ("PRIVMSG #dev,ada :hi", "407"),
        ("PRIVMSG ada,ada :\x01VERSION\x01", "407"),
        ("@+typing=active TAGMSG #dev,ada", "407"),
        ("PRIVMSG #dev :\x01VERSION\x01", "404"),
        ("PRIVMSG #dev :" + "x" * 480, "417"),
    ],
)
def test_invalid_messages_are_refused(server: MemoryServer, line: str, numeric: str) -> None:
    """With the numeric that clients expect, and nothing is said."""
    ada = register(server, "ada", "message-tags", rooms="#dev")
    assert ada.commands(line) == [numeric]
    assert not any(isinstance(entry.event, Said) for entry in server.chat.entries("dev"))


def test_a_refused_notice_is_not_answered(server: MemoryServer) -> None:
    """Programs might answer the answer."""
    ada = register(server, "ada")
    targets = (
        "",
        " #nowhere :x",
        " absent :x",
        " #lobby :x",
        " #lobby,absent :x",
        f" {'x' * 400} :x",
    )
    assert ada.ask(*(f"NOTICE{target}" for target in targets)) == []


def test_ctcp_goes_from_client_to_client_and_is_kept_nowhere(server: MemoryServer) -> None:
    """It is a question of one client to another."""
    ada, bob = register(server, "ada"), register(server, "bob")
    ada.ask("PRIVMSG bob :\x01VERSION\x01")
    assert bob.read() == [f":{source(server, 'ada')} PRIVMSG bob :\x01VERSION\x01"]
    person = server.chat.service.people.own("bob")
    assert person is not None
    assert person.inbox.log.count == 0


def test_typing_is_relayed_to_clients_with_tags(server: MemoryServer) -> None:
    """No other client tag is relayed."""
    ada = register(server, "ada", "message-tags", rooms="#dev")
    bob = register(server, "bob", "message-tags", rooms="#dev")
    eve = register(server, "eve", rooms="#dev")
    for client in (ada, bob, eve):
        client.read()
    assert ada.ask("@+typing=active;+other=1 TAGMSG #dev", "@+other=1 TAGMSG #dev") == []
    assert bob.read() == [f"@+typing=active :{source(server, 'ada')} TAGMSG #dev"]
    assert eve.read() == []
    ada.ask("@+typing=done TAGMSG bob")
    assert bob.read() == [f"@+typing=done :{source(server, 'ada')} TAGMSG bob"]


def test_several_lines_are_one_message(server: MemoryServer) -> None:
    """Clients without `draft/multiline` read several."""
    caps = ("message-tags", "batch", "draft/multiline")
    ada, bob = register(server, "ada", *caps, rooms="#dev"), register(server, "bob", rooms="#dev")
    ada.read()
    lines = ["BATCH +1 draft/multiline #dev", "@batch=1 PRIVMSG #dev :one"]
    lines += ["@batch=1;draft/multiline-concat PRIVMSG #dev : more", "@batch=1 PRIVMSG #dev :two"]
    assert ada.ask(*lines, "BATCH -1") == []
    assert last(server, "dev") == Said("dev", "ada", "one more\ntwo")
    assert [line.rpartition(":")[2] for line in bob.read()] == ["one more", "two"]


def test_an_invalid_batch_sends_no_message(server: MemoryServer) -> None:
    """Its rest is refused, too."""
    ada = register(server, "ada", "standard-replies", "batch", "draft/multiline", rooms="#dev")
    lines = ["BATCH +1 draft/multiline #dev", "@batch=2 PRIVMSG #dev :one"]
    (line,) = ada.ask(*lines)
    assert line.startswith("FAIL BATCH MULTILINE_INVALID :")
    (line,) = ada.ask("BATCH -1")
    assert line.startswith("FAIL BATCH INVALID_REFTAG :")


def test_a_batch_that_is_too_fast_waits_and_is_said() -> None:
    """Like any message: nothing of it is lost, and its lines are not said singly."""
    server = MemoryServer(message_rate=1)
    ada = register(server, "ada", "batch", "draft/multiline", rooms="#dev")
    for number in range(8):
        ada.send(
            "BATCH +1 draft/multiline #dev",
            f"@batch=1 PRIVMSG #dev :{number}",
            "@batch=1 PRIVMSG #dev :more",
            "BATCH -1",
        )
    server.chat.settle()
    server.chat.advance(30)
    assert server.chat.texts("dev") == [f"{number}\nmore" for number in range(8)]
    assert not any("FAIL" in line for line in ada.read())


def test_nothing_of_a_refused_batch_is_said(server: MemoryServer) -> None:
    """Also the lines that come after the refused one; the next batch is said."""
    ada = register(server, "ada", "standard-replies", "batch", "draft/multiline", rooms="#dev")
    paste = [f"@batch=1 PRIVMSG #dev :{number}" for number in range(60)]
    (line,) = ada.ask("BATCH +1 draft/multiline #dev", *paste)
    assert line.startswith("FAIL BATCH MULTILINE_MAX_LINES 51 :")
    (line,) = ada.ask("BATCH -1")
    assert line.startswith("FAIL BATCH INVALID_REFTAG :")
    assert server.chat.texts("dev") == []
    (line,) = ada.ask("@batch=1 PRIVMSG #dev :late")
    assert line.startswith("FAIL BATCH INVALID_REFTAG :")
    ada.ask("BATCH +1 draft/multiline #dev", *paste[:2], "BATCH -1")
    assert server.chat.texts("dev") == ["0\n1"]


def test_refusals_are_answered_in_the_order_of_the_messages(server: MemoryServer) -> None:
    """Between the echoes of the messages that were said."""
    ada = register(server, "ada", "echo-message", "labeled-response", rooms="#dev")
    lines = ada.messages(
        "PRIVMSG #dev :one",
        "PRIVMSG #nowhere :two",
        "PRIVMSG bob :three",
        "PRIVMSG #dev :",
        "@label=4 PRIVMSG #dev :four",
        "PRIVMSG #dev :" + "x" * 600,
        "PRIVMSG NickServ :help",
        "PRIVMSG #dev :five",
    )
    commands = [line.command for line in lines]
    assert commands == ["PRIVMSG", "403", "401", "412", "PRIVMSG", "417", "NOTICE", "PRIVMSG"]


@pytest.mark.parametrize(
    "lines",
    [
        ["@label=2 NOTICE #nowhere :y"],
        ["@label=2 NOTICE #dev"],
        ["@label=2 TAGMSG #dev"],
        ["@label=2;+typing=active TAGMSG #nowhere"],
        [
            "@label=2 BATCH +1 draft/multiline #nowhere",
            "@batch=1 NOTICE #nowhere :y",
            "BATCH -1",
        ],
    ],
    ids=["refused", "empty", "no state", "outside", "several lines"],
)
def test_what_is_refused_silently_is_acknowledged_in_the_order_of_the_messages(
    server: MemoryServer, lines: list[str]
) -> None:
    """Behind the echoes of earlier ones, however long the store takes."""
    caps = ("echo-message", "labeled-response", "message-tags", "batch", "draft/multiline")
    ada = register(server, "ada", *caps, rooms="#dev")
    server.hold_appends()
    assert ada.ask("@label=1 PRIVMSG #dev :x", *lines) == []
    server.release_appends()
    echo, acknowledged = ada.read()
    assert echo.startswith("@label=1;")
    assert acknowledged == "@label=2 :irc.example ACK"


def test_a_batch_that_fails_is_over(server: MemoryServer, logged_errors: list[str]) -> None:
    """Its end is not taken again, and the next batch is said."""
    ada = register(server, "ada", "standard-replies", "batch", "draft/multiline", rooms="#dev")
    lines = ["BATCH +1 draft/multiline #dev", "@batch=1 PRIVMSG #dev :one", "BATCH -1"]
    with patch.object(server.chat.service, "perform", side_effect=ZeroDivisionError("oops")):
        assert ada.commands(*lines) == ["400"]
    assert "oops" in logged_errors.pop()
    (line,) = ada.ask("BATCH -1")
    assert line.startswith("FAIL BATCH INVALID_REFTAG :")
    ada.ask(*lines)
    assert server.chat.texts("dev") == ["one"]


def test_a_private_action_is_an_action_on_irc(server: MemoryServer) -> None:
    """On the other doors it begins with the name."""
    ada = register(server, "ada", "echo-message")
    bob = register(server, "bob")
    line = server.line()
    line.send(b"/nick lin\r\n")
    server.chat.settle()
    line.received()
    (echo,) = ada.ask("PRIVMSG bob :\x01ACTION waves\x01")
    assert echo.endswith(" PRIVMSG bob :\x01ACTION waves\x01")
    assert bob.read() == [echo]
    ada.ask("PRIVMSG lin :\x01ACTION waves\x01")
    assert line.received() == b"[ada] * ada waves\r\n"


def test_services_answer_that_there_are_none(server: MemoryServer) -> None:
    """With what to do instead, because clients identify to them by themselves."""
    (line,) = register(server, "ada").ask("PRIVMSG NickServ :IDENTIFY secret")
    assert line.startswith("NOTICE ada :there is no NickServ here")


def test_a_message_to_an_away_person_is_answered_with_away(
    server: MemoryServer,
) -> None:
    """The message is delivered all the same."""
    ada, bob = register(server, "ada"), register(server, "bob")
    bob.ask("AWAY :tea")
    assert ada.ask("PRIVMSG bob :hi") == ["301 ada bob :tea"]


def test_a_flood_is_slowed_and_nothing_of_it_is_lost() -> None:
    """In its order."""
    server = MemoryServer(message_rate=1)
    ada = register(server, "ada", rooms="#dev")
    ada.send(*(f"PRIVMSG #dev :{number}" for number in range(12)))
    server.chat.settle()
    assert 0 < len(server.chat.texts("dev")) < 12
    server.chat.advance(30)
    assert server.chat.texts("dev") == [str(number) for number in range(12)]
    assert not ada.closed


def test_a_person_outside_speaks_where_the_channel_allows_it(server: MemoryServer) -> None:
    """Without coming in; `+n` refuses it; and no channel is begun that way."""
    ada = register(server, "ada", rooms="#dev")
    bob = register(server, "bob", "echo-message")
    (line,) = bob.ask("PRIVMSG #dev :hi")
    assert line.endswith("PRIVMSG #dev :hi")
    assert ada.read() == [line]
    assert bob.ask("WHOIS bob")[1].startswith("312 ")
    ada.ask("MODE #dev +n")
    (line,) = bob.ask("PRIVMSG #dev :hi again")
    assert line == "404 bob #dev :you are not in #dev; join it first"
    assert bob.commands("PRIVMSG #none :hi") == ["403"]
    assert "none" not in server.chat.service.rooms.index
