"""Profiles of clients, what IRC tells of persons, and the tags of lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .moments import server_time


class Sender(NamedTuple):
    """What IRC tells of a person beside the name."""

    user: str
    host: str
    account: str = ""
    """The name of the account; empty for a guest."""
    realname: str = ""
    bot: bool = False
    away: str = ""
    """Why the person is away; empty: the person is not, or nothing is known."""


Who = Callable[[str, bool], Sender]
"""What is known of a person of that name, who is here or was, and was signed in or not."""


class Profile(NamedTuple):
    """What a client understands, as far as events look different for it."""

    time: bool = False
    msgid: bool = False
    """Whether it takes message tags."""
    account: bool = False
    multiline: bool = False
    extended_join: bool = False
    away: bool = False
    """Whether it is told of people who are away."""
    setname: bool = False
    invites: bool = False
    """Whether it is told who was invited."""
    redactions: bool = False
    own: bool = False
    """Whether it is shown private messages that its own person sent."""
    accounts: bool = False
    """Whether it is told who signs in."""
    hosts: bool = False
    """Whether it is told whose host changes."""

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
        """What a batch of this event's own lines is called."""

    def of(self, sender: Sender, *, msgid: bool = True) -> dict[str, str]:
        """The tags of the first line, by that sender."""
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
        """The tags of further lines."""
        tags = {"batch": self.batch} if self.batch else {}
        if self._profile.time:
            tags["time"] = server_time(self._id)
        return tags
