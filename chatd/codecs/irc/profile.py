"""Profiles of clients, persons as IRC shows them, and the tags of lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .moments import server_time


class Sender(NamedTuple):
    """What IRC shows of a person beside the name."""

    user: str
    host: str
    account: str = ""
    """The name of the account; empty for a guest."""
    realname: str = ""
    bot: bool = False
    away: str = ""
    """Why the person is away; empty if the person is here, or if it is not known."""


Who = Callable[[str, bool], Sender]
"""Looks up a present or former person, by name and by whether it was signed in to an account."""


class Profile(NamedTuple):
    """The capabilities of a client that change how events are encoded for it."""

    time: bool = False
    msgid: bool = False
    """Whether the client accepts message tags."""
    account: bool = False
    multiline: bool = False
    extended_join: bool = False
    away: bool = False
    """Whether the client gets AWAY lines of other people."""
    setname: bool = False
    invites: bool = False
    """Whether the client gets INVITE lines of other people's invitations."""
    redactions: bool = False
    own: bool = False
    """Whether the client gets the private messages that its own person sent."""
    accounts: bool = False
    """Whether the client gets ACCOUNT lines."""
    hosts: bool = False
    """Whether the client gets CHGHOST lines."""

    @classmethod
    def of(cls, capabilities: frozenset[str]) -> Profile:
        """The profile of a client with these capabilities."""
        return cls(
            time="server-time" in capabilities,
            msgid="message-tags" in capabilities,
            account="account-tag" in capabilities,
            multiline="draft/multiline" in capabilities and "batch" in capabilities,
            extended_join="extended-join" in capabilities,
            away="away-notify" in capabilities,
            setname="setname" in capabilities,
            invites="invite-notify" in capabilities,
            redactions="draft/message-redaction" in capabilities,
            own=bool(capabilities & {"echo-message", "znc.in/self-message"}),
            accounts="account-notify" in capabilities,
            hosts="chghost" in capabilities,
        )


def source_of(name: str, who: Sender) -> str:
    """`nick!user@host` of a person."""
    return f"{name}!{who.user}@{who.host}"


class Tags:
    """The tags of one event's lines."""

    __slots__ = ("_id", "_profile", "batch", "ref")

    def __init__(self, profile: Profile, id_: int, batch: str = "") -> None:
        self._profile = profile
        self._id = id_
        self.batch = batch
        self.ref = f"m{id_:x}"
        """The name of a batch of this event's own lines."""

    def of(self, sender: Sender, *, msgid: bool = True) -> dict[str, str]:
        """The tags of the event's first line."""
        tags = self.rest()
        profile = self._profile
        if msgid and profile.msgid:
            tags["msgid"] = str(self._id)
        if profile.account and sender.account:
            tags["account"] = sender.account
        if profile.msgid and sender.bot:
            tags["bot"] = ""
        return tags

    def rest(self) -> dict[str, str]:
        """The tags of the event's further lines."""
        tags = {"batch": self.batch} if self.batch else {}
        if self._profile.time:
            tags["time"] = server_time(self._id)
        return tags
