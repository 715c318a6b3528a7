"""`ChatService` over stores that fail, delay and begin again, in whatever order: stateful tests.

What holds at any time: nothing acknowledged is lost, nothing refused is shown, there is one order
for every reader, each event comes once, ids rise, and whoever misses something is told.
"""

from __future__ import annotations

import gc
import json
import sqlite3
import tempfile
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from chatd.chat.person import Person
from chatd.chat.room import Room
from chatd.chat.room_loading import RELOAD_SECONDS
from chatd.model.commands import Say, Tell
from chatd.model.errors import InDoubt, Unavailable
from chatd.model.events import MESSAGES
from chatd.store.retained import TIDY_SECONDS, Retention
from chatd.stream.eventlog import Entry, Page
from chatd.testing import START, FakeOutlet, InMemoryChat, result_of
from chatd.testing.stores import Held

from ..kit.chat import reading
from ..kit.file_chat import FileChat
from ..kit.file_faults import FailingConnection

ROOMS = st.sampled_from(["lobby", "dev"])
SECONDS = 0.01
"""What a store in a file takes for everything."""
HISTORY = 3
"""So little that readers miss something."""


class Reader:
    """A client that reads a room, goes, and comes back where it stood."""

    def __init__(self, chat: InMemoryChat, room: str) -> None:
        self.room = room
        self.cursor = chat.service.horizon
        self.runs: list[list[tuple[int, str]]] = [[]]
        """What it read, cut where it was told of a gap."""
        self.away = True
        self._outlet = FakeOutlet()
        self.come(chat)

    def come(self, chat: InMemoryChat) -> None:
        """Read from where it stands, as soon as the room is loaded."""
        self.away = False
        self.cursor = min(self.cursor, chat.service.horizon)
        outlet = self._outlet = FakeOutlet()

        def begin(room: Room) -> None:
            if outlet is self._outlet and not self.away:
                reading(chat, room, cursor=self.cursor, outlet=outlet)

        chat.service.rooms.load(self.room).addCallback(begin)

    def go(self) -> None:
        """Read no more; what was delivered was read."""
        self.read()
        self.away = True
        if self._outlet.subscriber:
            self._outlet.subscriber.stop()
            self._outlet.subscriber = None

    def read(self) -> None:
        """Take what was delivered."""
        batches, self._outlet.batches = self._outlet.batches, []
        for batch in batches:
            if batch.gaps:
                self.runs.append([])
            for event in json.loads(b"[%b]" % batch.chunk):
                assert event["id"] > self.cursor, "backwards, or twice"
                self.cursor = event["id"]
                self.runs[-1].append((event["id"], event["text"]))


class Chatting(RuleBasedStateMachine):
    """People who speak and read, over a store that is not always well."""

    def __init__(self) -> None:
        super().__init__()
        self.chat = self.begun()
        self.readers: list[Reader] = []
        self.count = 0
        self.waiting: dict[str, Deferred[int | None]] = {}
        self.rooms: dict[str, str] = {}
        """The room of every text."""
        self.acknowledged: dict[str, int] = {}
        self.refused: set[str] = set()
        self.lost: set[str] = set()
        """What was neither when the process ended, or is in doubt since."""
        self.letters: list[int] = []

    def begun(self) -> InMemoryChat:
        """The chat, begun (again)."""
        raise NotImplementedError

    # -- what people do --------------------------------------------------------------------------

    @rule(room=ROOMS, times=st.integers(1, 6))
    def speak(self, room: str, times: int) -> None:
        """A visitor sends some messages."""
        for _ in range(times):
            visitor = self.chat.service.visitor("ada")
            self.count += 1
            text = f"{self.count}"
            self.rooms[text] = room
            self.waiting[text] = self.chat.service.perform(visitor, Say(room, text))
            self.waiting[text].addCallbacks(
                partial(self._acknowledged, text), partial(self._refused, text)
            )

    @rule()
    def tell(self) -> None:
        """A person sends a private message, which takes an id too."""
        service = self.chat.service

        def entered(bob: Person) -> None:
            told = service.perform(bob, Tell(bob.name, "psst"))
            told.addCallbacks(lambda id_: self.letters.append(id_ or 0), lambda _: None)
            service.end(bob)

        service.enter().addCallbacks(entered, lambda _: None)

    @rule(room=ROOMS)
    def begin_to_read(self, room: str) -> None:
        """A client begins to read a room."""
        if len(self.readers) < 5:
            self.readers.append(Reader(self.chat, room))

    @precondition(lambda self: self.readers)
    @rule(data=st.data())
    def go_or_come_back(self, data: st.DataObject) -> None:
        """A reader loses its connection, or has another."""
        reader = data.draw(st.sampled_from(self.readers))
        if reader.away:
            reader.come(self.chat)
        else:
            reader.go()

    @rule()
    def turn(self) -> None:
        """A moment passes."""
        self.chat.clock.advance(SECONDS)

    @rule()
    def settle(self) -> None:
        """Time passes until nothing is left to do."""
        self.chat.advance(100 * SECONDS)

    @rule()
    def forget_rooms(self) -> None:
        """Rooms without members leave memory."""
        self.chat.service.rooms._loader._warm.clear()
        gc.collect(0)

    # -- what holds ------------------------------------------------------------------------------

    @invariant()
    def nothing_refused_is_shown(self) -> None:
        """And everything shown was said."""
        for reader in self.readers:
            reader.read()
            seen = {text for run in reader.runs for _, text in run}
            assert not seen & (self.refused - self.lost)

    @invariant()
    def every_reader_sees_one_order(self) -> None:
        """Everybody has each event once, under the id that its sender was told."""
        for reader in self.readers:
            for run in reader.runs:
                for id_, text in run:
                    assert self.acknowledged.setdefault(text, id_) == id_
                    assert self.rooms[text] == reader.room
        ids = sorted([*self.acknowledged.values(), *self.letters])
        assert len(ids) == len(set(ids))

    @invariant()
    def whoever_missed_something_was_told(self) -> None:
        """Between two events that came without a gap there was none for that reader."""
        self.every_reader_sees_one_order()
        for reader in self.readers:
            for run in reader.runs:
                if run:
                    first, last = run[0][0], run[-1][0]
                    assert [text for _, text in run] == [
                        text
                        for text, id_ in sorted(self.acknowledged.items(), key=lambda pair: pair[1])
                        if self.rooms[text] == reader.room and first <= id_ <= last
                    ]

    def teardown(self) -> None:
        """In the end everybody has an answer, and everything acknowledged is there."""
        self.heal()
        for reader in self.readers:
            if reader.away:
                reader.come(self.chat)
        for _ in range(3):
            self.settle()
        assert not self.waiting
        for reader in self.readers:
            reader.read()
        self.every_reader_sees_one_order()
        self.whoever_missed_something_was_told()
        shown = {(text, id_) for text, id_ in self.acknowledged.items()}
        for reader in self.readers:
            ends = self.chat.service.rooms.index.ends(reader.room)
            assert not ends or reader.cursor >= ends.last, "it hangs"
        found = {(text, id_) for room in ("lobby", "dev") for text, id_ in self.pages(room)}
        assert found <= shown | {pair for pair in found if pair[0] in self.lost}
        assert self.must_be_kept(shown) <= found
        self.end()

    def must_be_kept(self, shown: set[tuple[str, int]]) -> set[tuple[str, int]]:
        """What of that has to be read back."""
        return shown

    def heal(self) -> None:
        """Nothing goes wrong any more."""

    def end(self) -> None:
        """The process ends for good."""

    def pages(self, room: str) -> list[tuple[str, int]]:
        """All that is read back of a room, page by page."""
        found: list[Entry] = []
        before, more = None, True
        while more:
            page = self._page(room, before)
            found = [*page.entries, *found]
            more = page.more
            before = found[0].id if found else None
        ids = [entry.id for entry in found]
        assert ids == sorted(set(ids))
        return [(e.event.text, e.id) for e in found if isinstance(e.event, MESSAGES)]

    def _page(self, room: str, before: int | None) -> Page:
        loading = self.chat.service.rooms.load(room)
        paging = loading.addCallback(self.chat.service.page, before, 3)
        self.settle()
        return result_of(paging)

    def _acknowledged(self, text: str, id_: int | None) -> None:
        assert id_ is not None
        assert self.acknowledged.setdefault(text, id_) == id_
        assert id_ <= self.chat.service.horizon, "answered before it was shown"
        del self.waiting[text]

    def _refused(self, text: str, failure: Failure) -> None:
        if failure.check(InDoubt):
            self.lost.add(text)
        failure.trap(Unavailable, InDoubt)
        self.refused.add(text)
        del self.waiting[text]


# -- in memory -----------------------------------------------------------------------------------


class InMemory(Chatting):
    """A store without a file."""

    def begun(self) -> InMemoryChat:
        """See `Chatting.begun`."""
        return InMemoryChat(history=HISTORY)

    @rule(refusing=st.booleans())
    def refuse(self, refusing: bool) -> None:
        """The store refuses everything, or nothing."""
        self.chat.store.refusing = refusing

    @rule(doubting=st.sampled_from(["stored", "lost", None]))
    def doubt(self, doubting: Literal["stored", "lost"] | None) -> None:
        """The store does not know what has become of what it is given."""
        self.chat.store.doubting = doubting

    @rule(unreadable=st.booleans())
    def break_(self, unreadable: bool) -> None:
        """The store cannot be read."""
        self.chat.store.unreadable = unreadable

    @rule(what=st.sampled_from(["appends", "shown", "reads"]))
    def hold(self, what: Held) -> None:
        """The store takes longer with something."""
        self.chat.store.hold(what)

    @rule()
    def release(self) -> None:
        """It takes no longer than it has to."""
        self.chat.store.release()

    def heal(self) -> None:
        """See `Chatting.heal`."""
        store = self.chat.store
        store.refusing = store.unreadable = False
        store.doubting = None
        store.release()
        self.chat.advance(RELOAD_SECONDS)
        self.settle()

    def must_be_kept(self, shown: set[tuple[str, int]]) -> set[tuple[str, int]]:
        """The last of every room."""
        kept: set[tuple[str, int]] = set()
        for room in ("lobby", "dev"):
            here = [pair for pair in shown if self.rooms[pair[0]] == room]
            kept |= set(sorted(here, key=lambda pair: pair[1])[-HISTORY:])
        return kept


# -- in a file -----------------------------------------------------------------------------------


class InAFile(Chatting):
    """A store in a file, whose COMMITs fail, and whose process ends and begins again."""

    keep: Retention = Retention()

    def __init__(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.wall = START
        super().__init__()

    def begun(self) -> Any:
        """See `Chatting.begun`."""
        path = Path(self.directory.name) / "chat.db"
        return FileChat(path, seconds=SECONDS, wall=self.wall, history=HISTORY, retention=self.keep)

    @rule(fate=st.sampled_from(["lost", "kept"]))
    def fail(self, fate: str) -> None:
        """Some COMMIT to come fails."""
        if len(FailingConnection.fates) < 3:
            FailingConnection.fates.append(fate)

    @rule(jump=st.sampled_from([0.0, -3600.0, 3600.0, 1e7, -1e7]))
    def restart(self, jump: float) -> None:
        """The process ends as it should, and another begins; the clock was set meanwhile."""
        self.heal()
        chat: Any = self.chat
        here = self._gone()
        chat.stop()
        assert not self.waiting
        self._begin_again(jump, here)

    @rule(jump=st.sampled_from([0.0, -3600.0]))
    def kill(self, jump: float) -> None:
        """The process ends at once."""
        chat: Any = self.chat
        # What was refused may be in the file if there was no time to take it out.
        if chat.store._writer._doubtful:
            self.lost |= self.refused
        FailingConnection.fates.clear()
        here = self._gone()
        chat.kill()
        self.lost |= self.waiting.keys()
        self.waiting.clear()
        self._begin_again(jump, here)

    def _gone(self) -> list[Reader]:
        """Those who were reading, and do no more."""
        here = [reader for reader in self.readers if not reader.away]
        for reader in here:
            reader.go()
        return here

    def _begin_again(self, jump: float, here: list[Reader]) -> None:
        chat: Any = self.chat
        self.wall = chat.now() + jump
        self.chat = self.begun()
        # The time of a start is no id; those of private messages are not kept over a kill.
        assert self.chat.service.horizon >= max(self.acknowledged.values(), default=0)
        # What nobody was told of may be there: from now on it is as good as anything.
        for room in ("lobby", "dev"):
            for text, id_ in self.pages(room):
                if text in self.lost:
                    assert self.acknowledged.setdefault(text, id_) == id_
        for reader in here:
            reader.come(self.chat)

    def heal(self) -> None:
        """See `Chatting.heal`."""
        FailingConnection.fates.clear()

    def end(self) -> None:
        """See `Chatting.end`."""
        chat: Any = self.chat
        chat.stop()
        self.directory.cleanup()


class Forgetting(InAFile):
    """And which keeps the last only."""

    keep = Retention(events=5)

    @rule()
    def tidy(self) -> None:
        """A minute passes."""
        self.chat.advance(TIDY_SECONDS)

    def must_be_kept(self, shown: set[tuple[str, int]]) -> set[tuple[str, int]]:
        """The last of all, as long as they are not too many."""
        return set(sorted(shown, key=lambda pair: pair[1])[-5:])


@pytest.mark.parametrize("world", [InMemory, InAFile, Forgetting], ids=lambda world: world.__name__)
def test_whatever_happens_the_promises_hold(
    world: type[Chatting], monkeypatch: pytest.MonkeyPatch, logged_errors: list[str]
) -> None:
    """In memory, in a file, and in one that forgets."""
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=FailingConnection))
    # Not made shorter when one fails: with a file that would take minutes.
    examples = settings(max_examples=40, stateful_step_count=40, phases=[Phase.generate])
    run_state_machine_as_test(world, settings=examples)
    logged_errors.clear()  # that COMMITs failed
