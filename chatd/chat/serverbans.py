"""Bans from the whole server, which administrators place and lift."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import succeed

from ..model.moderation import BanFromServer, UnbanFromServer
from ..model.names import name_key
from ..model.policy import Action
from ..model.restrictions import Restriction, Restrictions
from ..model.units import Unit
from . import judge_bans
from .arguments import key_of, network_in, new_id, reason, shown, until
from .core import Core
from .journal import Outcome
from .lane import ALONE, in_order
from .moderation import Commands
from .person import Person
from .room_rulings import NO_TARGET
from .rulings import By, Target, new_stamp
from .targets import Targets


class ServerBans:
    """Bans people and networks from the server."""

    def __init__(
        self,
        core: Core,
        targets: Targets,
        banned: Restrictions,
        now: Callable[[], int],
    ) -> None:
        """`banned` are the bans from the server, and `now` tells microseconds since the Unix
        epoch.
        """
        self._journal = core.journal
        self._readers = core.readers
        self._targets = targets
        self._banned = banned
        self._now = now
        self.commands: Commands = {
            BanFromServer: self._ban,
            UnbanFromServer: self._unban,
        }
        """What carries out each command: see `ChatService.perform`."""

    def bans(self, person: Person) -> list[tuple[str, Restriction]]:
        """The bans from the server that are in force, with their ids.  Raises `NotAllowed`."""
        self._readers.policy.may(person, Action.BAN_FROM_SERVER)
        return shown(self._banned, self._now(), places=True)

    def _ban(self, command: BanFromServer, person: Person, key: bytes | None) -> Outcome:
        text, ends = reason(command.text), until(self._now(), command.seconds)
        id_, stamp = new_id(), new_stamp(self._now())
        network = network_in(command.who)

        def submit(target: Target) -> Outcome:
            def judged() -> Unit:
                by = By(person, self._readers.policy, self._now(), stamp)
                meant = network or self._targets.refresh(target)
                return judge_bans.ban_from_server(by, self._banned, meant, id_, ends, text)

            return self._journal.submit(judged)

        def find() -> Outcome:
            finding = succeed(NO_TARGET) if network else self._targets.find(command.who)
            return finding.addCallback(submit)

        if not network:
            name_key(command.who)
        return in_order(person, ALONE, find)

    def _unban(self, command: UnbanFromServer, person: Person, key: bytes | None) -> Outcome:
        who, stamp = network_in(command.who) or command.who, new_stamp(self._now())

        def judged() -> Unit:
            by = By(person, self._readers.policy, self._now(), stamp)
            return judge_bans.unban_from_server(by, self._banned, who, key_of(who))

        return in_order(person, ALONE, lambda: self._journal.submit(judged))
