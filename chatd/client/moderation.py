"""`Moderation`: the commands of a room's owners and ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from .answers import Answer, Ban

Ask = Callable[..., "Deferred[Answer]"]


class Moderation:
    """Moderates one room for a `ChatClient`.

    Each method returns a Deferred that fires when the server has stored the change, and fails with
    a `chatd.model.errors.ChatError` if it is refused; the message says which role is required.
    """

    def __init__(self, ask: Ask, room: str) -> None:
        self._ask = ask
        self._room = room

    def settings(self, **changed: Any) -> Deferred[None]:
        """Change settings of the room: `access`, `posting`, `topic`, `listed`, `outside`,
        `slow`.
        """
        return self._done("PATCH", body=changed)

    def role(self, name: str, role: str | None) -> Deferred[None]:
        """Give a person the role `owner`, `op` or `voice`; None removes the role."""
        return self._done("PUT", "roles", name, body={"role": role})

    def kick(self, name: str, text: str = "") -> Deferred[None]:
        """Kick a person, who may join again."""
        return self._done("DELETE", "people", name, body={"text": text})

    def ban(self, who: str, seconds: int | None = None, text: str = "") -> Deferred[None]:
        """Ban a person or network for `seconds`, or without an end."""
        return self._done("PUT", "bans", who, body={"seconds": seconds, "text": text})

    def unban(self, who: str) -> Deferred[None]:
        """Lift a ban, given by its name or id."""
        return self._done("DELETE", "bans", who)

    def bans(self) -> Deferred[tuple[Ban, ...]]:
        """The bans in force."""
        return self._ask("GET", "rooms", self._room, "bans").addCallback(lambda it: it.bans)

    def mute(self, name: str, seconds: int | None = None, text: str = "") -> Deferred[None]:
        """Forbid a person to speak for `seconds`, or without an end."""
        return self._done("PUT", "mutes", name, body={"seconds": seconds, "text": text})

    def unmute(self, name: str) -> Deferred[None]:
        """Allow a muted person to speak again."""
        return self._done("DELETE", "mutes", name)

    def admit(self, name: str) -> Deferred[None]:
        """Make an account a member."""
        return self._done("PUT", "members", name)

    def dismiss(self, name: str) -> Deferred[None]:
        """End an account's membership."""
        return self._done("DELETE", "members", name)

    def invite(self, seconds: int | None = None, uses: int | None = None) -> Deferred[str]:
        """Make a link by which accounts become members; by default for 7 days and one use."""
        body = {"seconds": seconds, "uses": uses}
        asked = self._ask("POST", "rooms", self._room, "invites", body=body)
        return asked.addCallback(lambda answer: answer.url)

    def delete(self, id: int) -> Deferred[None]:
        """Delete a message."""
        return self._done("DELETE", "messages", str(id))

    def _done(self, method: str, *path: str, body: object = None) -> Deferred[None]:
        asked = self._ask(method, "rooms", self._room, *path, body=body)
        return asked.addCallback(lambda _: None)
