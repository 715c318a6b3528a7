"""What the console can have done, in a chat in memory."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from chatd.chat.administration import CONSOLE
from chatd.chat.rules import Guests, Rules
from chatd.console import tasks
from chatd.console.tasks import (
    AddAccount,
    BanWho,
    EndSessions,
    ListAccounts,
    ListBans,
    ListSessions,
    MakeInvite,
    RemoveAccount,
    SetAdmin,
    SetPassword,
    ShowAudit,
    Task,
    UnbanWho,
    read,
    written,
)
from chatd.model.addresses import Address
from chatd.model.commands import Say
from chatd.model.errors import (
    BadCredentials,
    BadName,
    BadPassword,
    Banned,
    ChatError,
    LastAdmin,
    Malformed,
    NameInUse,
    NameRegistered,
    NotFound,
)
from chatd.testing import InMemoryChat

from ..kit.chat import PASSWORD, audit, registered, restarted, settled, signed_in

OTHER = "another horse battery"
FAR = Address("192.0.2.7")


def done(chat: InMemoryChat, task: Task) -> Sequence[str]:
    """What the console is told of a task, which has gone over its socket."""
    lines: Sequence[str] = settled(chat, read(written(task)).run(chat.service))
    return lines


def actions(chat: InMemoryChat) -> list[tuple[str, str, str]]:
    """What the audit trail has: who did what to whom."""
    return [(record.by, record.action, record.target) for record in audit(chat)]


def test_an_account_is_added_and_can_be_signed_in_to() -> None:
    """Also where nobody may register."""
    chat = InMemoryChat(rules=Rules(register="closed"))
    assert done(chat, AddAccount(name="Ada", password=PASSWORD)) == ["Ada has an account"]
    session = signed_in(chat, "ada")
    assert session.person.name == "Ada"
    assert not session.person.admin
    assert list(session.person.rooms) == ["lobby"]


def test_an_administrator_is_added() -> None:
    """So that the next start offers no claim."""
    chat = InMemoryChat()
    done(chat, AddAccount(name="ada", password=PASSWORD, admin=True))
    assert signed_in(chat, "ada").person.admin
    assert not restarted(chat).service.claims.code


@pytest.mark.parametrize(
    ("name", "error"),
    [("a b", BadName), ("ada", NameRegistered), ("guy", NameInUse), ("\u0430da", NameRegistered)],
)
def test_a_name_that_cannot_be_given_is_refused(
    chat: InMemoryChat, name: str, error: type[ChatError]
) -> None:
    """As it is to those who register; what looks like a registered name too."""
    registered(chat, "ada")
    chat.enter("guy")
    with pytest.raises(error):
        done(chat, AddAccount(name=name, password=PASSWORD))


def test_the_console_gives_names_that_speak_for_the_server(chat: InMemoryChat) -> None:
    """Nobody else does."""
    done(chat, AddAccount(name="server", password=PASSWORD, admin=True))
    assert signed_in(chat, "server").person.name == "server"
    admin = signed_in(chat, "server").person
    with pytest.raises(BadName):
        settled(chat, chat.service.administration.add(admin, "system", PASSWORD))


def test_a_bad_password_is_refused(chat: InMemoryChat) -> None:
    """Before anything is made or changed."""
    registered(chat, "ada")
    for task in (
        AddAccount(name="bob", password="short"),
        SetPassword(name="ada", password="password1"),
    ):
        with pytest.raises(BadPassword):
            done(chat, task)
    assert signed_in(chat, "ada")


def test_accounts_are_listed(chat: InMemoryChat) -> None:
    """Who administers, and who is here; deleted ones are not."""
    assert done(chat, ListAccounts()) == ["no accounts"]
    for name in ("cy", "Bob", "ada"):
        registered(chat, name)
    done(chat, SetAdmin(name="ada"))
    done(chat, RemoveAccount(name="cy"))
    signed_in(chat, "bob")
    assert done(chat, ListAccounts()) == [
        "ada (administrator), since 2025-11-22",
        "Bob, since 2025-11-22, here",
    ]


def test_another_password_ends_all_sessions(chat: InMemoryChat) -> None:
    """And the old one is good no more."""
    registered(chat, "ada")
    session = signed_in(chat, "ada")
    assert done(chat, SetPassword(name="ADA", password=OTHER)) == [
        "ada has another password; all its sessions are over"
    ]
    assert session.over
    with pytest.raises(BadCredentials):
        signed_in(chat, "ada")
    assert signed_in(chat, "ada", OTHER)


def test_an_administrator_is_made_and_unmade(chat: InMemoryChat) -> None:
    """Also while signed in."""
    registered(chat, "ada")
    person = signed_in(chat, "ada").person
    assert done(chat, SetAdmin(name="ada")) == ["ada is an administrator now"]
    assert person.admin
    for task in (SetAdmin(name="ada", admin=False), RemoveAccount(name="ada")):
        with pytest.raises(LastAdmin, match="ada is the only administrator; make another one"):
            done(chat, task)
    registered(chat, "bob")
    done(chat, SetAdmin(name="bob"))
    assert done(chat, SetAdmin(name="ada", admin=False)) == ["ada is no administrator now"]
    assert not person.admin
    assert not restarted(chat).service.claims.code


def test_a_removed_account_is_gone_and_its_name_reserved(chat: InMemoryChat) -> None:
    """What it said stays."""
    registered(chat, "ada")
    session = signed_in(chat, "ada")
    chat.perform(session.person, Say("lobby", "hello"))
    assert done(chat, RemoveAccount(name="ada")) == ["ada is removed; the name stays reserved"]
    assert session.over
    assert "hello" in chat.texts("lobby")
    with pytest.raises(BadCredentials):
        signed_in(chat, "ada")
    with pytest.raises(NameRegistered):
        registered(chat, "ada")
    assert restarted(chat).service.claims.code


def test_sessions_are_listed_and_ended(chat: InMemoryChat) -> None:
    """One, or all; their readers end at once."""
    registered(chat, "ada")
    assert done(chat, ListSessions(name="ada")) == ["no sessions"]
    first, second = signed_in(chat, "ada"), signed_in(chat, "ada", address=FAR)
    told = done(chat, ListSessions(name="ada"))
    assert sorted(line.split()[0] for line in told) == sorted([first.id, second.id])
    assert any("from 192.0.2.7" in line for line in told)
    assert done(chat, EndSessions(name="ada", id=first.id)) == ["1 ended"]
    assert (first.over, second.over) == (True, False)
    with pytest.raises(NotFound):
        done(chat, EndSessions(name="ada", id=first.id))
    signed_in(chat, "ada")
    assert done(chat, EndSessions(name="ada")) == ["2 ended"]
    assert second.over


@pytest.mark.parametrize(
    "task",
    [
        SetPassword(name="nobody", password=PASSWORD),
        SetAdmin(name="nobody"),
        RemoveAccount(name="a b"),
        ListSessions(name="nobody"),
        EndSessions(name="nobody"),
    ],
)
def test_an_unknown_account_is_reported(chat: InMemoryChat, task: Task) -> None:
    """Whatever was to be done."""
    with pytest.raises(NotFound, match="nobody has an account of that name"):
        done(chat, task)


def test_an_invite_lets_somebody_register(chat: InMemoryChat) -> None:
    """Where it takes one; a room that does not exist is not made."""
    chat = InMemoryChat(rules=Rules(register="invite"))
    (told,) = done(chat, MakeInvite())
    code = told.removeprefix("#invite=")
    made = chat.service.sign_in.register("ada", PASSWORD, FAR, invite=code)
    assert settled(chat, made)
    chat.service.page_url = "https://chat.example"
    (link,) = done(chat, MakeInvite(uses=2))
    assert link.startswith("https://chat.example/#invite=")
    with pytest.raises(NotFound):
        done(chat, MakeInvite(room="nowhere"))
    with pytest.raises(Malformed):
        done(chat, MakeInvite(uses=0))


@pytest.mark.parametrize("guests", ["read", "none"])
def test_the_console_works_where_guests_may_not(guests: Guests) -> None:
    """It has no account either."""
    chat = InMemoryChat(rules=Rules(guests=guests))
    assert done(chat, AddAccount(name="ada", password=PASSWORD))
    assert done(chat, ListAccounts())
    assert done(chat, MakeInvite())
    assert done(chat, BanWho(who="eve"))
    assert done(chat, UnbanWho(who="eve"))
    assert done(chat, ShowAudit())


def test_a_ban_from_the_server_holds_until_it_is_lifted(chat: InMemoryChat) -> None:
    """Of names and networks; the list says by whom, until when and why."""
    eve = chat.enter("eve")
    assert done(chat, BanWho(who="eve", seconds=3600, text="spam")) == [
        "eve is banned from the server"
    ]
    assert eve.ended
    done(chat, BanWho(who="192.0.2.0/24"))
    with pytest.raises(Banned):
        chat.enter("cy", FAR)
    told = done(chat, ListBans())
    assert [line.split(" ", 1)[1] for line in told] == [
        f"eve by {CONSOLE} until 2025-11-22 14:43 UTC: spam",
        f"192.0.2.0/24 by {CONSOLE}",
    ]
    assert done(chat, UnbanWho(who="192.0.2.0/24")) == ["192.0.2.0/24 is banned no more"]
    chat.enter("cy", FAR)
    done(chat, UnbanWho(who=told[0].split()[0]))
    assert done(chat, ListBans()) == ["no bans"]
    with pytest.raises(NotFound):
        done(chat, UnbanWho(who="eve"))


def test_every_change_by_the_console_is_in_the_audit_trail(chat: InMemoryChat) -> None:
    """Under a name that nobody can have."""
    assert done(chat, ShowAudit()) == ["nothing yet"]
    registered(chat, "ada")
    signed_in(chat, "ada")
    done(chat, AddAccount(name="bob", password=PASSWORD))
    done(chat, AddAccount(name="cy", password=PASSWORD, admin=True))
    done(chat, SetPassword(name="bob", password=OTHER))
    done(chat, SetAdmin(name="bob"))
    done(chat, SetAdmin(name="bob", admin=False))
    done(chat, EndSessions(name="ada"))
    done(chat, RemoveAccount(name="bob"))
    done(chat, BanWho(who="eve", text="spam"))
    done(chat, UnbanWho(who="eve"))
    assert actions(chat) == [
        (CONSOLE, "account-add", "bob"),
        (CONSOLE, "account-add-admin", "cy"),
        (CONSOLE, "account-password", "bob"),
        (CONSOLE, "account-admin", "bob"),
        (CONSOLE, "account-no-admin", "bob"),
        (CONSOLE, "session-end", "ada"),
        (CONSOLE, "account-remove", "bob"),
        (CONSOLE, "ban", "eve"),
        (CONSOLE, "unban", "eve"),
    ]
    assert done(chat, ShowAudit(number=2)) == [
        f"2025-11-22 13:43 UTC {CONSOLE} ban eve: spam",
        f"2025-11-22 13:43 UTC {CONSOLE} unban eve",
    ]
    done(chat, MakeInvite())
    assert not any(record.account for record in audit(chat)), "the console has no account"
    with pytest.raises(BadName):
        chat.enter(CONSOLE)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"account list",
        b'{"do":"account listing"}',
        b'{"do":"account list","name":"ada"}',
        b'{"do":"ban"}',
        b'{"do":"account add","name":"ada","password":1}',
    ],
)
def test_a_malformed_task_is_refused(data: bytes) -> None:
    """With what is wrong about it."""
    with pytest.raises(Malformed):
        read(data)


def test_a_task_with_a_long_field_is_refused() -> None:
    """Before anything is done with it."""
    with pytest.raises(BadName):
        read(written(RemoveAccount(name="a" * 1000)))


def test_every_task_can_be_read() -> None:
    """As it was written."""
    kinds = [kind for kind in vars(tasks).values() if isinstance(kind, type)]
    found = [kind for kind in kinds if issubclass(kind, Task) and kind is not Task]
    assert len(found) == 12
    for kind in found:
        fields = dict.fromkeys(kind.__struct_fields__, "x")
        known = {k: v for k, v in fields.items() if k in ("name", "password", "who")}
        task = kind(**known)
        assert read(written(task)) == task
