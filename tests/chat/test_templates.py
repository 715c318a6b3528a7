"""Poll templates at the gate (`chatd.chat.templates`)."""

from __future__ import annotations

import gc
from collections.abc import Sequence

from chatd.chat.owners import Owner
from chatd.chat.sessions import Session
from chatd.codecs.json import JSON
from chatd.model.addresses import address_of
from chatd.model.errors import ChatError, NotAllowed
from chatd.model.identity import Stranger
from chatd.model.policy import Action
from chatd.stream.batch import PUSH_LIMIT
from chatd.stream.feed import Source
from chatd.testing import FakeOutlet, InMemoryChat
from chatd.testing.policies import DenyAll, DenyIf

BANNED = NotAllowed("you are banned")
OFFICE = address_of("192.0.2.1")


def sessions(chat: InMemoryChat, *names: str) -> list[Session]:
    return [Session(chat.enter(name)) for name in names]


class FakeTemplate:
    """A poll template."""

    def __init__(self, owner: Owner, *sources: Source) -> None:
        self.owner = owner
        self.sources: Sequence[Source] = sources
        self.voided: list[ChatError | None] = []

    def void(self, error: ChatError | None, judge: object = None) -> None:
        """Keep the reason."""
        self.voided.append(error)


def test_a_template_is_void_when_what_it_skips_may_be_judged_differently(
    chat: InMemoryChat,
) -> None:
    """By the settings of its room, by another policy, by its person, its session, its room."""
    [ada, bob] = sessions(chat, "ada", "bob")
    dev, ops = chat.room("dev"), chat.room("ops")
    gate = chat.service.readers
    mine, others, shared = (
        FakeTemplate(ada, dev, ada.person.inbox),
        FakeTemplate(bob, ops),
        FakeTemplate(Stranger(), dev),
    )
    templates = [mine, others, shared]
    for template in templates:
        gate.templates.add(template)

    def voided() -> list[int]:
        found = [min(len(template.voided), 1) for template in templates]
        for template in templates:
            template.voided.clear()
        return found

    gate.revoke(BANNED, person=ada.person)
    assert voided() == [1, 0, 0]
    gate.revoke(BANNED, session=bob)
    assert voided() == [0, 1, 0]
    gate.revoke(BANNED, room=dev)
    assert voided() == [1, 0, 1]
    gate.revoke(BANNED, room=dev, person=bob.person)
    assert voided() == [0, 0, 0]
    gate.policy = DenyIf(lambda who, what, room: what is Action.READ_PRIVATELY)
    assert voided() == [1, 0, 1]  # a policy may decide by addresses, which strangers' requests hide
    gate.policy = DenyAll()
    assert voided() == [1, 1, 1]


def test_revoking_an_address_voids_shared_templates(chat: InMemoryChat) -> None:
    """Its requests come from everywhere, so each is judged by itself from then on; those held from
    elsewhere are answered without an error.
    """
    shared = FakeTemplate(Stranger(), chat.room("dev"))
    chat.service.readers.templates.add(shared)
    chat.service.readers.revoke(BANNED, address=OFFICE)
    assert shared.voided == [None]


def test_readers_of_a_template_are_ended_by_the_template(chat: InMemoryChat) -> None:
    """It stands for many requests, and the template knows how to answer them."""
    dev = chat.room("dev")
    template = FakeTemplate(Stranger(), dev)
    gate = chat.service.readers
    feeds = gate.register(template, JSON)
    outlet = FakeOutlet(polls=True)
    outlet.subscriber = gate.join(template, feeds, outlet, chat.service.horizon, PUSH_LIMIT)
    outlet.subscriber.start()
    gate.revoke(BANNED, room=dev)
    assert (template.voided, outlet.revocations) == ([BANNED], [])


def test_templates_that_are_not_in_use_are_not_kept(chat: InMemoryChat) -> None:
    """Clients may ask in a thousand ways."""
    chat.service.readers.templates.add(FakeTemplate(Stranger(), chat.room("dev")))
    gc.collect()
    assert len(chat.service.readers.templates) == 0
