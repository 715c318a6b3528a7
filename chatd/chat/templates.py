"""Poll templates, which let repeated requests skip the gate, and when they become void.

1. A template answers requests whose bytes it knows, without parsing, routing or judging them
   (`chatd.doors.polls.templates`).  So it is void as soon as any of that may come out differently.
2. A session's template is voided when its owner may no longer read one of its sources.
3. Strangers, clients without a session, share templates, but the policy may answer them by address:
   when it may have changed for an address, the shared templates are void, and their held requests
   are judged one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import Protocol
from weakref import WeakSet

from ..model.addresses import Address
from ..model.errors import ChatError
from ..model.identity import Stranger
from ..stream.feed import Source
from .owners import Owner
from .revocation import Judge
from .room import Room

JudgeAddress = Callable[[Address], ChatError | None]
"""Why a stranger at an address may not read the sources; None: it may."""


class Template(Protocol):
    """A poll template."""

    @property
    def owner(self) -> Owner:
        """The template's owner: one session, or a `Stranger` for all clients without a session."""

    @property
    def sources(self) -> Sequence[Source]:
        """The sources that its polls read."""

    def void(self, error: ChatError | None, judge: JudgeAddress | None = None) -> None:
        """Invalidate the template: further requests are judged again.  Held polls are answered with
        `error`; without `error`, with the refusal that `judge` finds for the poll's address, or
        with no events.
        """


class Templates:
    """The poll templates in use."""

    def __init__(self, forbidden: Judge) -> None:
        """`forbidden` asks the policy."""
        self._forbidden = forbidden
        self._templates: WeakSet[Template] = WeakSet()

    def __len__(self) -> int:
        return len(self._templates)

    def __iter__(self) -> Iterator[Template]:
        return iter(list(self._templates))

    def add(self, template: Template) -> None:
        """Note a template as in use, as long as something else refers to it."""
        self._templates.add(template)

    def discard(self, template: Template) -> None:
        """A template is void: nothing has to be judged for it any more."""
        self._templates.discard(template)

    def void(self, judge: Judge) -> list[Template]:
        """Void the templates whose owners may not read all their sources; returns those."""
        voided = []
        for template in self:
            owner = template.owner
            errors = [error for source in template.sources if (error := judge(owner, source))]
            if errors:
                template.void(errors[0])
                voided.append(template)
        return voided

    def void_shared(self, room: Room | None = None, voided: Collection[Template] = ()) -> None:
        """Void the templates that strangers share, of one room or with None all of them.  Those in
        `voided` are void already.
        """
        for template in self:
            if (
                isinstance(template.owner, Stranger)
                and template not in voided
                and (room is None or any(source.name == room.name for source in template.sources))
            ):
                template.void(None, partial(self._forbidden_at, template.sources))

    def _forbidden_at(self, sources: Sequence[Source], address: Address) -> ChatError | None:
        """Why a stranger at an address may not read all of the sources; None: it may."""
        stranger = Stranger(address)
        return next(filter(None, (self._forbidden(stranger, source) for source in sources)), None)
