"""Commands of owners and ops in WebSocket text frames; each has the name of its event."""

from __future__ import annotations

from typing import Literal

from ..model.bounds import Name, Text, Who
from ..model.commands import Command
from ..model.moderation import (
    Admit,
    Ban,
    Configure,
    Dismiss,
    GiveRole,
    Kick,
    Mute,
    Redact,
    Unban,
    Unmute,
)
from .frames import InRoom


class SentSettings(InRoom, tag="settings", kw_only=True):
    """`{"type":"settings","slow":5}`: a setting that is left out does not change."""

    access: Literal["open", "members"] | None = None
    posting: Literal["everyone", "accounts", "voices"] | None = None
    topic: Literal["everyone", "ops"] | None = None
    listed: bool | None = None
    outside: bool | None = None
    slow: int | None = None

    def command(self, room: str) -> Command:
        """See `Sent.command`."""
        where = self.in_room(room)
        texts = (self.access, self.posting, self.topic)
        return Configure(where, *texts, self.listed, self.outside, self.slow)


class SentRole(InRoom, tag="role", kw_only=True):
    """`{"type":"role","target":"bob","role":"op"}`; null removes the role."""

    target: Name
    role: Literal["owner", "op", "voice"] | None

    def command(self, room: str) -> Command:
        """See `Sent.command`."""
        return GiveRole(self.in_room(room), self.target, self.role)


class SentKick(InRoom, tag="kick", kw_only=True):
    """`{"type":"kick","target":"bob","text":"spam"}`."""

    target: Name
    text: Text = ""

    def command(self, room: str) -> Command:
        """See `Sent.command`."""
        return Kick(self.in_room(room), self.target, self.text)


class SentBan(InRoom, tag="ban", kw_only=True):
    """`{"type":"ban","target":"bob","seconds":3600,"text":"spam"}`."""

    target: Who
    seconds: int | None = None
    text: Text = ""

    def command(self, room: str) -> Command:
        """See `Sent.command`."""
        return Ban(self.in_room(room), self.target, self.seconds, self.text)


class SentUnban(InRoom, tag="unban", kw_only=True):
    """`{"type":"unban","target":"bob"}`: a name, a network or a ban's id."""

    target: Who

    def command(self, room: str) -> Command:
        """See `Sent.command`."""
        return Unban(self.in_room(room), self.target)


class SentMute(InRoom, tag="mute", kw_only=True):
    """`{"type":"mute","target":"bob","seconds":60}`."""

    target: Name
    seconds: int | None = None
    text: Text = ""

    def command(self, room: str) -> Command:
        """See `Sent.command`."""
        return Mute(self.in_room(room), self.target, self.seconds, self.text)


class SentUnmute(InRoom, tag="unmute", kw_only=True):
    """`{"type":"unmute","target":"bob"}`."""

    target: Name

    def command(self, room: str) -> Command:
        """See `Sent.command`."""
        return Unmute(self.in_room(room), self.target)


class SentInvite(InRoom, tag="invite", kw_only=True):
    """`{"type":"invite","target":"bob"}`: makes an account a member of the room."""

    target: Name

    def command(self, room: str) -> Command:
        """See `Sent.command`."""
        return Admit(self.in_room(room), self.target)


class SentDismiss(InRoom, tag="dismiss", kw_only=True):
    """`{"type":"dismiss","target":"bob"}`: ends an account's membership of the room."""

    target: Name

    def command(self, room: str) -> Command:
        """See `Sent.command`."""
        return Dismiss(self.in_room(room), self.target)


class SentRedact(InRoom, tag="redact", kw_only=True):
    """`{"type":"redact","target":ID}`: deletes a message."""

    target: int

    def command(self, room: str) -> Command:
        """See `Sent.command`."""
        return Redact(self.in_room(room), self.target)


Moderating = (
    SentSettings
    | SentRole
    | SentKick
    | SentBan
    | SentUnban
    | SentMute
    | SentUnmute
    | SentInvite
    | SentDismiss
    | SentRedact
)
