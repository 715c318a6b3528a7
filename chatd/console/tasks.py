"""Tasks: the commands of the console, as values that are sent to the server as JSON.

1. `run` carries out a task, in the server's process, or in the console's if no server runs.  Its
   result is lines of text for people.
2. A task acts as the person `chatd.chat.administration.console`: the policy decides whether it may,
   and the audit trail names the console.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec import Struct
from twisted.internet.defer import Deferred, fail, succeed

from ..chat.account_sessions import Listed
from ..chat.administration import Entry, console
from ..chat.invites import Made
from ..chat.service import ChatService
from ..codecs.json import decode, encode
from ..model.account import Account
from ..model.audit import Record
from ..model.bounds import Key, Name, Password, RoomName, Text, Who
from ..model.errors import NotFound
from ..model.moderation import BanFromServer, UnbanFromServer
from ..model.names import clean_room
from ..model.restrictions import Restriction, moment

Lines = Deferred[Sequence[str]]
PAGE = 500
"""Accounts or records that are read together."""


class Task(Struct, forbid_unknown_fields=True, tag_field="do", kw_only=True):
    """One command of the console."""

    def run(self, service: ChatService) -> Lines:
        """Carry out the task; fires with lines to print.  Raises and fails with a `ChatError`."""
        raise NotImplementedError


class AddAccount(Task, tag="account add"):
    """Make an account, even where registration is closed."""

    name: Name
    password: Password
    admin: bool = False

    def run(self, service: ChatService) -> Lines:
        """See `Task.run`."""
        person = console(service.admission.bucket())
        made = service.administration.add(person, self.name, self.password, admin=self.admin)
        return made.addCallback(lambda account: [f"{_called(account)} has an account"])


class ListAccounts(Task, tag="account list"):
    """Show all accounts."""

    def run(self, service: ChatService) -> Lines:
        """See `Task.run`."""
        return Deferred.fromCoroutine(self._list(service))

    async def _list(self, service: ChatService) -> Sequence[str]:
        """All accounts, read in pages, so that the server does other things in between."""
        person = console(service.admission.bucket())
        lines: list[str] = []
        after, more = "", True
        while more:
            found, more = await service.administration.list_some(person, after, PAGE)
            lines += map(_account, found)
            after = found[-1].account.name if found else after
        return lines or ["no accounts"]


class SetPassword(Task, tag="account password"):
    """Give an account another password."""

    name: Name
    password: Password

    def run(self, service: ChatService) -> Lines:
        """See `Task.run`."""
        person = console(service.admission.bucket())
        changed = service.administration.set_password(person, self.name, self.password)
        return changed.addCallback(
            lambda account: [f"{account.name} has another password; all its sessions are over"]
        )


class SetAdmin(Task, tag="account admin"):
    """Make an account an administrator, or end that."""

    name: Name
    admin: bool = True

    def run(self, service: ChatService) -> Lines:
        """See `Task.run`."""
        person = console(service.admission.bucket())
        changed = service.administration.set_admin(person, self.name, admin=self.admin)
        what = "an administrator" if self.admin else "no administrator"
        return changed.addCallback(lambda account: [f"{account.name} is {what} now"])


class RemoveAccount(Task, tag="account remove"):
    """Delete an account."""

    name: Name

    def run(self, service: ChatService) -> Lines:
        """See `Task.run`."""
        removed = service.administration.remove(console(service.admission.bucket()), self.name)
        return removed.addCallback(
            lambda account: [f"{account.name} is removed; the name stays reserved"]
        )


class ListSessions(Task, tag="account sessions"):
    """Show the sessions of an account."""

    name: Name

    def run(self, service: ChatService) -> Lines:
        """See `Task.run`."""
        found = service.administration.sessions(console(service.admission.bucket()), self.name)

        def told(listed: dict[str, Listed]) -> list[str]:
            last_first = sorted(listed.items(), key=lambda item: -item[1].last)
            return [_session(id_, it) for id_, it in last_first] or ["no sessions"]

        return found.addCallback(told)


class EndSessions(Task, tag="account end"):
    """End one session of an account, or all of them."""

    name: Name
    id: Key = None

    def run(self, service: ChatService) -> Lines:
        """See `Task.run`."""
        person = console(service.admission.bucket())
        ended = service.administration.end_sessions(person, self.name, self.id)
        return ended.addCallback(lambda count: [f"{count} ended"])


class MakeInvite(Task, tag="invite"):
    """Make an invite to a room, which also lets somebody register."""

    room: RoomName = "lobby"
    seconds: int | None = None
    uses: int | None = None

    def run(self, service: ChatService) -> Lines:
        """See `Task.run`."""
        name = clean_room(self.room)
        if name != "lobby" and name not in service.rooms.index:
            return fail(NotFound(f"there is no room #{name}; who comes in first owns it"))
        person = console(service.admission.bucket())

        def told(made: Made) -> list[str]:
            url = service.page_url
            return [f"{url}/#invite={made.code}" if url else f"#invite={made.code}"]

        made = service.invites.make(person, name, self.seconds, self.uses)
        return made.addCallback(told)


class BanWho(Task, tag="ban"):
    """Ban a person, a name or a network from the server."""

    who: Who
    seconds: int | None = None
    text: Text = ""

    def run(self, service: ChatService) -> Lines:
        """See `Task.run`."""
        person = console(service.admission.bucket())
        banned = service.perform(person, BanFromServer(self.who, self.seconds, self.text))
        return banned.addCallback(lambda _: [f"{self.who} is banned from the server"])


class UnbanWho(Task, tag="unban"):
    """Lift a ban from the server."""

    who: Who

    def run(self, service: ChatService) -> Lines:
        """See `Task.run`."""
        person = console(service.admission.bucket())
        lifted = service.perform(person, UnbanFromServer(self.who))
        return lifted.addCallback(lambda _: [f"{self.who} is banned no more"])


class ListBans(Task, tag="bans"):
    """Show the bans from the server."""

    def run(self, service: ChatService) -> Lines:
        """See `Task.run`."""
        bans = service.server_bans.bans(console(service.admission.bucket()))
        return succeed([_ban(*ban) for ban in bans] or ["no bans"])


class ShowAudit(Task, tag="audit"):
    """Show what moderators and administrators did."""

    number: int = 100
    """How many of the newest records."""

    def run(self, service: ChatService) -> Lines:
        """See `Task.run`."""
        return Deferred.fromCoroutine(self._show(service))

    async def _show(self, service: ChatService) -> Sequence[str]:
        """The records, read in pages; the oldest first."""
        person = console(service.admission.bucket())
        lines: list[str] = []
        before, more = None, True
        while more and len(lines) < self.number:
            most = min(PAGE, self.number - len(lines))
            found, more = await service.audit_trail.page(person, before, most)
            lines += (_record(*it) for it in found)
            before = found[-1][0] if found else before
        return lines[::-1] or ["nothing yet"]


AnyTask = (
    AddAccount
    | ListAccounts
    | SetPassword
    | SetAdmin
    | RemoveAccount
    | ListSessions
    | EndSessions
    | MakeInvite
    | BanWho
    | UnbanWho
    | ListBans
    | ShowAudit
)


def read(data: bytes) -> Task:
    """Decode a task from the socket.  Raises `Malformed`, and the error of a long field."""
    task: Task = decode(data, AnyTask)  # type: ignore[arg-type]
    return task


def written(task: Task) -> bytes:
    """Encode a task for the socket."""
    return encode(task)


def _called(account: Account) -> str:
    return f"{account.name} (administrator)" if account.admin else account.name


def _account(entry: Entry) -> str:
    created = datetime.fromtimestamp(entry.account.created / 1_000_000, UTC)
    here = ", here" if entry.here else ""
    return f"{_called(entry.account)}, since {created:%Y-%m-%d}{here}"


def _session(id_: str, it: Listed) -> str:
    where = f" from {it.session.address}" if it.session.address else ""
    return f"{id_} last used {moment(it.last)}{where}: {it.session.label or 'no label'}"


def _ban(id_: str, ban: Restriction) -> str:
    until = f" until {moment(ban.until)}" if ban.until else ""
    address = f" ({ban.address})" if ban.address else ""
    why = f": {ban.text}" if ban.text else ""
    return f"{id_} {ban.network or ban.target}{address} by {ban.by}{until}{why}"


def _record(stamp: str, record: Record) -> str:
    room = f" in #{record.room}" if record.room else ""
    target = f" {record.target}" if record.target else ""
    why = f": {record.text}" if record.text else ""
    until = f" until {moment(record.until)}" if record.until else ""
    return f"{moment(int(stamp[:16], 16))} {record.by} {record.action}{target}{room}{until}{why}"
