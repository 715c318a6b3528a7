"""Measurements of the journal."""

from __future__ import annotations

from chatd.chat.person import Person
from chatd.model.commands import Join, Say
from chatd.model.events import Joined, Said
from chatd.testing import InMemoryChat

from ..kit.chat import refused


def entered(chat: InMemoryChat) -> Person:
    """A person, before the measurements that count."""
    person = chat.enter("ada")
    metrics = chat.service.journal_metrics
    metrics.stored.clear()
    metrics.batches.counts[:] = [0] * len(metrics.batches.counts)
    metrics.batches.sum = 0
    return person


def test_commands_are_counted_when_they_are_stored(chat: InMemoryChat) -> None:
    """By the type of their first event; a batch is counted once, with its size."""
    ada = entered(chat)
    chat.service.perform(ada, Say("lobby", "one"))
    chat.service.perform(ada, Say("lobby", "two"))
    metrics = chat.service.journal_metrics
    assert not metrics.stored
    chat.settle()
    assert metrics.stored == {Said: 2}
    assert (sum(metrics.batches.counts), metrics.batches.sum) == (1, 2)
    chat.perform(ada, Join("dev"))
    assert metrics.stored == {Said: 2, Joined: 1}


def test_the_time_to_show_a_command_counts_from_its_acceptance(chat: InMemoryChat) -> None:
    """Once for each command of the batch; the store's own time counts once."""
    ada = entered(chat)
    metrics = chat.service.journal_metrics
    shown, appended = metrics.shown_seconds.sum, metrics.append_seconds.sum
    chat.store.hold("appends")
    for text in ("one", "two"):
        chat.service.perform(ada, Say("lobby", text))
    chat.advance(3)
    chat.store.release()
    chat.settle()
    assert round(metrics.shown_seconds.sum - shown) == 6
    assert round(metrics.append_seconds.sum - appended) == 3


def test_failed_appends_are_counted(chat: InMemoryChat) -> None:
    """And their commands are not counted as stored."""
    ada = entered(chat)
    metrics = chat.service.journal_metrics
    chat.store.refusing = True
    said = chat.service.perform(ada, Say("lobby", "one"))
    chat.settle()
    assert refused(said) is not None
    assert (metrics.failed_appends, metrics.stored) == (1, {})
