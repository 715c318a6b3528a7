"""REDACT, in channels and of private conversations."""

from __future__ import annotations

import pytest

from ....kit.chat import PASSWORD, administrator, registered
from ....kit.irc import NEAR, IrcWire, of_account, register, source
from ....kit.server import MemoryServer

CAPS = ("message-tags", "echo-message", "draft/message-redaction", "standard-replies")


def test_a_message_is_deleted_for_clients_that_understand(server: MemoryServer) -> None:
    """Other clients are told nothing; the text is gone from the log."""
    ada, bob = register(server, "ada", *CAPS, rooms="#dev"), register(server, "bob", rooms="#dev")
    id_ = server.say("secret", room="dev", name="cy")
    ada.read()
    bob.read()
    line = f":{source(server, 'ada')} REDACT #dev {id_} :rude"
    assert ada.ask(f"REDACT #dev {id_} :rude") == [line]
    assert bob.read() == []
    (line,) = ada.ask("REDACT #dev 17")
    assert line.startswith("FAIL REDACT UNKNOWN_MSGID #dev 17 :")
    assert "secret" not in repr([entry.event for entry in server.chat.entries("dev")])


def conversation(server: MemoryServer, *bobs: str) -> tuple[IrcWire, IrcWire, str]:
    """Clients of ada's and bob's accounts, and the id of what ada has said to bob."""
    for name in ("ada", "bob"):
        registered(server.chat, name)
    ada, bob = of_account(server, "ada", *CAPS), of_account(server, "bob", *(bobs or CAPS))
    ada.read()
    (echo,) = ada.messages("PRIVMSG bob :secret")
    bob.read()
    return ada, bob, echo.tags["msgid"]


def test_a_private_message_is_deleted_for_both(server: MemoryServer) -> None:
    """Every client that understands is told; of the text nothing is left."""
    ada, bob, id_ = conversation(server)
    other = of_account(server, "ada", *CAPS)
    line = f":{source(server, 'ada')} REDACT bob {id_} :wrong window"
    assert ada.ask(f"REDACT bob {id_} :wrong window") == [line]
    assert bob.read() == [line]
    assert other.read() == [line]
    new = of_account(server, "bob", *CAPS, "batch", "draft/chathistory")
    assert new.commands("CHATHISTORY LATEST ada * 9") == ["BATCH", "BATCH"]
    assert ada.ask(f"REDACT bob {id_}") == []


def test_a_deletion_is_labelled_and_told_to_nobody_who_does_not_understand(
    server: MemoryServer,
) -> None:
    """The label is on the client's own REDACT."""
    ada, bob, id_ = conversation(server, "message-tags")
    ada.ask("CAP REQ :labeled-response batch")
    (told,) = ada.messages(f"@label=7 REDACT bob {id_}")
    assert (told.tags["label"], told.command, told.params) == ("7", "REDACT", ("bob", id_))
    assert bob.read() == []


def test_a_private_message_is_deleted_by_its_author_or_an_administrator(
    server: MemoryServer,
) -> None:
    """As in channels: an administrator after OPER."""
    administrator(server.chat, "ruth")
    _, bob, id_ = conversation(server)
    registered(server.chat, "eve")
    eve = of_account(server, "eve", *CAPS)
    for client in (bob, eve):
        client.read()
    (line,) = bob.ask(f"REDACT ada {id_}")
    assert line.startswith(f"FAIL REDACT REDACT_FORBIDDEN ada {id_} :")
    (line,) = eve.ask(f"REDACT bob {id_}")
    assert line.startswith(f"FAIL REDACT UNKNOWN_MSGID bob {id_} :")
    root = register(server, "rob", *CAPS, host=NEAR)
    (line,) = root.ask(f"REDACT bob {id_}")
    assert line.startswith("FAIL REDACT ")
    root.ask(f"OPER ruth :{PASSWORD}")
    bob.read()
    assert root.ask(f"REDACT bob {id_} :rude") == []
    (line,) = bob.read()
    assert line.startswith(":ruth!account@")
    assert line.endswith(f" REDACT bob {id_} :rude")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("bob 17", "UNKNOWN_MSGID bob 17"),
        ("bob x", "UNKNOWN_MSGID bob x"),
        ("nobody 17", "INVALID_TARGET nobody"),
        ("a!b 17", "INVALID_TARGET a!b"),
        (f"{'x' * 200} 17", f"INVALID_TARGET {'x' * 200}"),
        ("#none 17", "INVALID_TARGET #none"),
        ("#b@d 17", "INVALID_TARGET #b@d"),
    ],
)
def test_a_message_that_is_not_there_cannot_be_deleted(
    server: MemoryServer, words: str, code: str
) -> None:
    """The code tells a wrong id from a wrong target."""
    ada, _, _ = conversation(server)
    (line,) = ada.ask(f"REDACT {words}")
    assert line.startswith(f"FAIL REDACT {code} :")


def test_a_deleted_message_is_not_told_to_a_client_that_had_not_read_it(
    server: MemoryServer,
) -> None:
    """In a channel or in private."""
    ada, bob, _ = conversation(server)
    for client in (ada, bob):
        client.ask("JOIN #dev")
    ada.read()
    bob.wire.fill()
    for target in ("bob", "#dev"):
        (echo,) = ada.messages(f"PRIVMSG {target} :secret")
        ada.ask(f"REDACT {target} {echo.tags['msgid']}")
    bob.wire.drain()
    lines = bob.read()
    assert not any("secret" in line or "PRIVMSG" in line for line in lines)
    assert [line.split()[1] for line in lines if "REDACT" in line] == ["REDACT", "REDACT"]
