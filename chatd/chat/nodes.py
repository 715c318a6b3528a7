"""Several nodes of one chat: what this node does when it was given up, or has missed batches.

A store that is not shared never reports any of this (`chatd.store.Follower`).

1. `over`: the other nodes have given this one up, and released its persons.  Their sessions end
   here too, and their tokens become invalid.
2. `missed`: the state is read again, and no command is accepted meanwhile.  Readers continue from
   the store; a reader that has received events which the store has lost gets a gap.  A person of
   this node whose name was lost takes it again (`chatd.chat.node_loss`).  Accounts and sessions are
   read again, too, and a session ends if its account or credential was lost.
3. `gone` is in `chatd.chat.node_release`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..model.errors import ChatError, NoSession, Unavailable
from ..model.letters import is_conversation
from ..model.units import ATTACHED, NAMES, ROOMS, Cell
from ..store import Loaded, Opened
from .attached import Attached
from .consequences import Consequences
from .core import Core
from .livecells import together
from .node_loss import NodeLoss
from .room import Room

AGAIN_SECONDS = 1.0
"""Seconds between two attempts to read the state again."""
MOST_LOST = 100
"""Ranges of lost history that are remembered: each is a failover that lost something."""
Anew = Callable[[], Deferred[Callable[[], object]]]


class State:
    """The state as it was read again."""

    def __init__(self, results: list[Any], rooms: list[Room]) -> None:
        self.opened: Opened = results[0]
        self.settings: Mapping[str, Cell] = results[1]
        self.names: Mapping[str, Cell] = results[2]
        self.attached: Mapping[str, Cell] = results[3]
        self.fold: Callable[[], object] = results[4]
        """Folds the rest."""
        self.rooms: list[tuple[Room, Loaded]] = list(zip(rooms, results[5:], strict=True))


class Nodes:
    """Keeps this node's state right among other nodes."""

    _log = Logger()

    def __init__(
        self,
        core: Core,
        loss: NodeLoss,
        attached: Attached,
        consequences: Consequences,
        kept: Sequence[Anew],
    ) -> None:
        """`kept` are called, in this order, to read again what else is in memory of the store's
        cells; each fires with a function that folds it.
        """
        self._clock = core.clock
        self._store = core.store
        self._people = core.people
        self._rooms = core.rooms
        self._readers = core.readers
        self._loss = loss
        self._attached = attached
        self._consequences = consequences
        self._kept = kept
        self._attempt = 0
        self.lost: list[tuple[int, int]] = []
        """Ranges of ids that were shown here, and lost since: above the first, up to the second.
        The store knows of others (`Store.kept`)."""

    def over(self) -> None:
        """See `chatd.store.Follower.over`."""
        ended = NoSession(
            "this server lost touch with the others for too long, and you have left; enter again"
        )
        self._loss.give_up(ended)

    def missed(
        self,
        since: int,
        horizon: int,
        survey: Callable[[], Deferred[Opened]],
        anew: Callable[[State], object],
    ) -> None:
        """See `chatd.store.Follower.missed`; `horizon` is the highest id that was shown, and `anew`
        is called with the state.
        """
        self._attempt += 1
        if since < horizon:
            self.lost = [*self.lost, (since, horizon)][-MOST_LOST:]
        for person in self._people.local():
            if person.inbox.account is not None:
                continue  # the store has the private messages between accounts
            person.inbox.restart((), since + 1, since + 1, self._rooms.notifier)
        self._read(self._attempt, survey, anew)

    def _read(
        self,
        attempt: int,
        survey: Callable[[], Deferred[Opened]],
        anew: Callable[[State], object],
    ) -> None:
        rooms = list(self._rooms)

        def load(opened: Opened) -> Deferred[list[Any]]:
            asked: list[Deferred[Any]] = [
                self._store.table(ROOMS),
                self._store.table(NAMES),
                self._store.table(ATTACHED),
                together(read() for read in self._kept),
                *(self._store.load(room.name, opened.last) for room in rooms),
            ]
            read = gatherResults(asked, consumeErrors=True)
            return read.addCallback(lambda results: [opened, *results])

        def known(results: list[Any]) -> None:
            if attempt == self._attempt:
                anew(State(results, rooms))

        def failed(failure: Failure) -> None:
            cause: Failure = getattr(failure.value, "subFailure", failure)
            if not cause.check(Unavailable):
                self._log.failure("the state could not be read again", cause)
            if attempt == self._attempt:
                self._clock.callLater(AGAIN_SECONDS, self._read, attempt, survey, anew)

        survey().addCallback(load).addCallbacks(known, failed)

    def restate(self, state: State) -> None:
        """Fold the state that was read again, and wake the readers."""
        ends = {name: e for name, e in state.opened.rooms.items() if not is_conversation(name)}
        self._rooms.index.restated(ends, state.settings)
        self._rooms.directory.restated()
        self._attached.restated(state.attached)
        bereft = self._people.restated(state.names)
        for room, loaded in state.rooms:
            self._rooms.restate(room, loaded, state.opened.last)
        self._people.rejoined([room for room, _ in state.rooms])
        state.fold()
        for room, _ in state.rooms:
            self._consequences.restated(room)
        if self.lost:
            since, until = self.lost[-1]
            self._readers.rewind(since, until)
        unattached = [p for p in self._people.local() if not self._attached.here(p.id)]
        for person in dict.fromkeys((*bereft, *unattached)):
            self._loss.claim_again(person).addErrback(self._unclaimed)

    def _unclaimed(self, failure: Failure) -> None:
        if not failure.check(ChatError):
            self._log.failure("a name could not be taken again", failure)

    def fork(self, cursor: int) -> int | None:
        """The id of the last event before `cursor` that the store still has, if it has lost later
        ones that a client with that cursor has received; None if it has lost none of them.
        """
        kept = self._store.kept(cursor)
        for since, until in reversed(self.lost):
            if since < kept <= until:
                kept = since
        return kept if kept != cursor else None
