"""Events as IRC lines, for clients with the same capabilities.

1. Encoded lines are shared by all connections with the same `Profile`.  They do not depend on the
   reader, except in an inbox, which has one reader.
2. A live stream shows each join and leave, from presence events.  The joins and leaves in a room's
   history are not encoded live; `playback` encodes them.  A live join of a person that has a role
   in the room is followed by a MODE of the server, because JOIN does not tell the role.
3. A text that does not fit into one line becomes several lines, of which only the first has the
   `msgid`; for a client with `draft/multiline`, they are one batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import UNSET

from ...model.events import (
    AccountTaken,
    Acted,
    Arrived,
    AwayChanged,
    BanLifted,
    BanPlaced,
    CardChanged,
    Departed,
    Event,
    InvitedIn,
    Joined,
    Left,
    Moderated,
    MuteLifted,
    MutePlaced,
    NameChanged,
    PutOut,
    Redacted,
    RedactedPrivately,
    Renamed,
    RoleGiven,
    Said,
    SentPrivately,
    SettingsChanged,
    Signalled,
    Told,
    TopicSet,
    Typing,
)
from ...stream.eventlog import Entry
from ..moderated import told as in_words
from .earlier_values import EarlierValues
from .masks import ban_mask
from .message import MAX_BODY, form, size
from .modes import FLAGS, Change, changed_flags, write_changes
from .profile import Profile, Sender, Tags, Who, source_of
from .texts import Piece, action, action_in, lines, pieces

TYPING = "+typing"
"""The only client tag that is relayed."""
ACTION_BYTES = len(action(""))


class IrcCodec:
    """Encoder of live events for the clients with one profile."""

    def __init__(
        self,
        profile: Profile,
        who: Who,
        server: str = "",
        earlier: EarlierValues | None = None,
        as_guest: Callable[[str], Sender] | None = None,
        role: Callable[[str, str], str] = lambda room, name: "",
    ) -> None:
        """`as_guest` returns what was known of a guest before it registered its name, `role` the
        mode letter of a person's role in a room, empty for none.
        """
        self.name = "irc " + "".join("1" if has else "0" for has in profile)
        self.profile = profile
        self._who = who
        self._server = server
        self._earlier = earlier or EarlierValues()
        self._as_guest = as_guest or (lambda name: who(name, False))
        self._role_of = role
        self._renderers: dict[type[Event], Callable[[Any, int, Tags], list[str]]] = {
            Said: self._said,
            Acted: self._acted,
            Told: self._told,
            SentPrivately: self._sent,
            TopicSet: self._topic,
            Arrived: self._arrived,
            Departed: self._departed,
            NameChanged: self._renamed,
            AwayChanged: self._away,
            CardChanged: self._described,
            AccountTaken: self._account_taken,
            SettingsChanged: self._settings,
            RoleGiven: self._role,
            PutOut: self._put_out,
            BanPlaced: self._banned,
            BanLifted: self._unbanned,
            MutePlaced: self._noted,
            MuteLifted: self._noted,
            InvitedIn: self._invited,
            Redacted: self._redacted,
            RedactedPrivately: self._redacted_privately,
            Typing: self._typing,
            Signalled: self._signalled,
        }

    def encode(self, entry: Entry) -> bytes:
        """See `Codec.encode`."""
        return to_bytes(self.render(entry))

    def join(self, chunks: Sequence[bytes]) -> bytes:
        """See `Codec.join`."""
        return b"".join(chunks)

    def render(self, entry: Entry, batch: str = "") -> list[str]:
        """The lines of one event, without their ends; `batch` names the batch they are in."""
        renderer = self._renderers.get(type(entry.event))
        if renderer is None:
            return []
        return renderer(entry.event, entry.id, Tags(self.profile, entry.id, batch))

    def playback(self, entry: Entry, batch: str) -> list[str]:
        """The lines of a past event, among them the joins and leaves that a history contains."""
        event, tags = entry.event, Tags(self.profile, entry.id, batch)
        match event:
            case Joined(room, sender):
                return [self.joined(sender, self._by(event), room, tags)]
            case Left(room, sender, text):
                return self._departed(Departed(room, sender, text), entry.id, tags)
            case Renamed(room, sender, to):
                return self._renamed(NameChanged(room, sender, to), entry.id, tags)
            case SentPrivately():
                return self._told(event, entry.id, tags)  # once, unlike live ones
        return self.render(entry, batch)

    def source(self, name: str, account: bool = False) -> str:
        """`nick!user@host` of a person."""
        return source_of(name, self._who(name, account))

    # -- texts -----------------------------------------------------------------------------------

    def _said(self, event: Said, id_: int, tags: Tags) -> list[str]:
        command = "NOTICE" if event.notice else "PRIVMSG"
        return self._text(command, event, f"#{event.room}", tags)

    def _acted(self, event: Acted, id_: int, tags: Tags) -> list[str]:
        return [] if event.redacted else self._action(event, f"#{event.room}", event.text, tags)

    def _action(self, event: Acted | Told, target: str, text: str, tags: Tags) -> list[str]:
        who = self._by(event)
        source = source_of(event.sender, who)
        most = text_bytes("PRIVMSG", source, target) - ACTION_BYTES
        head = tags.of(who)
        rest = tags.rest()
        return [
            form("PRIVMSG", target, text=action(line), source=source, tags=rest if number else head)
            for number, line in enumerate(lines(text, most))
        ]

    def _told(self, event: Told, id_: int, tags: Tags) -> list[str]:
        if not event.notice and (acted := action_in(event.sender, event.text)):
            return self._action(event, event.to, acted, tags)
        command = "NOTICE" if event.notice else "PRIVMSG"
        return self._text(command, event, event.to, tags)

    def _sent(self, event: SentPrivately, id_: int, tags: Tags) -> list[str]:
        """A private message to its sender; one to oneself is shown as sent and as received."""
        told = self._told(event, id_, tags)
        times = self.profile.own + (event.sender == event.to)
        return told * times

    def _text(self, command: str, event: Said | Told, target: str, tags: Tags) -> list[str]:
        if event.redacted:
            return []
        who, text = self._by(event), event.text
        source = source_of(event.sender, who)
        most = text_bytes(command, source, target)
        head = tags.of(who)
        if "\n" not in text and size(text) <= most:
            return [form(command, target, text=text, source=source, tags=head)]
        if self.profile.multiline:
            return _batched(command, source, target, pieces(text, most), head, tags.ref)
        rest = tags.rest()
        return [
            form(command, target, text=line, source=source, tags=rest if number else head)
            for number, line in enumerate(lines(text, most))
        ]

    # -- presence and topics ---------------------------------------------------------------------

    def _topic(self, event: TopicSet, id_: int, tags: Tags) -> list[str]:
        who = self._by(event)
        head, source = tags.of(who), source_of(event.sender, who)
        return [form("TOPIC", f"#{event.room}", text=event.text, source=source, tags=head)]

    def _arrived(self, event: Arrived, id_: int, tags: Tags) -> list[str]:
        self._earlier.came(event, id_)
        who = self._by(event)
        told = [self.joined(event.sender, who, event.room, tags)]
        if self.profile.away and who.away:
            head = tags.of(who, msgid=False)
            told.append(form("AWAY", text=who.away, source=source_of(event.sender, who), tags=head))
        role = self._role_of(event.room, event.sender)
        self._earlier.has_role(event.room, event.sender, role, id_)
        if role:
            words = write_changes([Change(True, role, event.sender)])
            told.append(
                form("MODE", f"#{event.room}", *words, source=self._server, tags=tags.rest())
            )
        return told

    def joined(self, name: str, who: Sender, room: str, tags: Tags) -> str:
        """The line that shows a person joining a room."""
        source, told = source_of(name, who), tags.of(who, msgid=False)
        if self.profile.extended_join:
            account = who.account or "*"
            text = who.realname or name
            return form("JOIN", f"#{room}", account, text=text, source=source, tags=told)
        return form("JOIN", f"#{room}", source=source, tags=told)

    def _departed(self, event: Departed, id_: int, tags: Tags) -> list[str]:
        if event.by:
            return self._forced_out(event, id_, tags)
        who = self._by(event)
        source, told = source_of(event.sender, who), tags.of(who, msgid=False)
        if event.quit:
            return [form("QUIT", text=event.text or "gone", source=source, tags=told)]
        text = event.text or None
        return [form("PART", f"#{event.room}", text=text, source=source, tags=told)]

    def _renamed(self, event: NameChanged, id_: int, tags: Tags) -> list[str]:
        who = self._who(event.to, False)
        told = tags.of(who, msgid=False)
        return [form("NICK", event.to, source=source_of(event.sender, who), tags=told)]

    def _away(self, event: AwayChanged, id_: int, tags: Tags) -> list[str]:
        if not self.profile.away:
            return []
        who = self._by(event)
        source, told = source_of(event.sender, who), tags.of(who, msgid=False)
        return [form("AWAY", text=event.text or None, source=source, tags=told)]

    def _described(self, event: CardChanged, id_: int, tags: Tags) -> list[str]:
        if not self.profile.setname:
            return []
        who = self._by(event)
        source, told = source_of(event.sender, who), tags.of(who, msgid=False)
        return [form("SETNAME", text=event.realname, source=source, tags=told)]

    def _account_taken(self, event: AccountTaken, id_: int, tags: Tags) -> list[str]:
        who = self._who(event.sender, True)
        source = source_of(event.sender, self._as_guest(event.sender))
        told = tags.of(who, msgid=False)
        lines = []
        if self.profile.accounts:
            lines.append(form("ACCOUNT", who.account or event.sender, source=source, tags=told))
        if self.profile.hosts:
            lines.append(form("CHGHOST", who.user, who.host, source=source, tags=told))
        return lines

    # -- moderation ------------------------------------------------------------------------------

    def _modes(self, event: Moderated, tags: Tags, changes: Sequence[Change]) -> list[str]:
        if not changes:
            return []
        who = self._by(event)
        source, told = source_of(event.sender, who), tags.of(who)
        return [form("MODE", f"#{event.room}", *write_changes(changes), source=source, tags=told)]

    def _settings(self, event: SettingsChanged, id_: int, tags: Tags) -> list[str]:
        given = {
            "access": event.access,
            "posting": event.posting,
            "topic_by": event.topic,
            "listed": event.listed,
            "outside": event.outside,
        }
        known = {name: value for name, value in given.items() if value is not UNSET}
        changes = changed_flags(known)
        if event.posting is not UNSET:
            before = self._earlier.posting(event.room, event.posting, id_)
            changes = [
                change
                for change in changes
                if change.mode not in "mM" or change.on or FLAGS[change.mode].on == before
            ]
        lines = self._modes(event, tags, changes)
        if event.slow is not UNSET:
            lines += self._noted(event, id_, tags)
        return lines

    def _role(self, event: RoleGiven, id_: int, tags: Tags) -> list[str]:
        before, after = self._earlier.change(event, id_)
        changes = [Change(False, before, event.target)] if before and before != after else []
        if after:
            changes.append(Change(True, after, event.target))
        return self._modes(event, tags, changes)

    def _put_out(self, event: PutOut, id_: int, tags: Tags) -> list[str]:
        self._earlier.put_out(event, id_)
        who, text = self._by(event), event.text or event.sender
        source, told = source_of(event.sender, who), tags.of(who)
        room = f"#{event.room}"
        return [form("KICK", room, event.target, text=text, source=source, tags=told)]

    def _forced_out(self, event: Departed, id_: int, tags: Tags) -> list[str]:
        """Somebody was put out of a room: told as a KICK, unless an event `kick` told it."""
        if self._earlier.was_put_out(event, id_):
            return []
        who, text = self._who(event.by, False), event.text or event.by
        source, told = source_of(event.by, who), tags.of(who, msgid=False)
        return [form("KICK", f"#{event.room}", event.sender, text=text, source=source, tags=told)]

    def _banned(self, event: BanPlaced, id_: int, tags: Tags) -> list[str]:
        return self._modes(event, tags, [Change(True, "b", ban_mask(event.target, event.ban))])

    def _unbanned(self, event: BanLifted, id_: int, tags: Tags) -> list[str]:
        return self._modes(event, tags, [Change(False, "b", ban_mask(event.target, event.ban))])

    def _invited(self, event: InvitedIn, id_: int, tags: Tags) -> list[str]:
        if not self.profile.invites:
            return []
        who = self._by(event)
        source, told = source_of(event.sender, who), tags.of(who, msgid=False)
        return [form("INVITE", event.target, f"#{event.room}", source=source, tags=told)]

    def _redacted(self, event: Redacted, id_: int, tags: Tags) -> list[str]:
        return self._deleted(event, event.sender, f"#{event.room}", tags)

    def _redacted_privately(self, event: RedactedPrivately, id_: int, tags: Tags) -> list[str]:
        return self._deleted(event, event.by or event.sender, event.to, tags)

    def _deleted(
        self, event: Redacted | RedactedPrivately, by: str, target: str, tags: Tags
    ) -> list[str]:
        if not self.profile.redactions:
            return []
        who = self._who(by, bool(event.account))
        source, told, text = source_of(by, who), tags.of(who, msgid=False), event.text or None
        return [form("REDACT", target, str(event.target), text=text, source=source, tags=told)]

    def _noted(self, event: Moderated, id_: int, tags: Tags) -> list[str]:
        """An event for which IRC has no command, as a notice of the server."""
        source = self._server or self.source(event.sender)
        return [
            form("NOTICE", f"#{event.room}", text=in_words(event), source=source, tags=tags.rest())
        ]

    # -- signals ---------------------------------------------------------------------------------

    def _typing(self, event: Typing, id_: int, tags: Tags) -> list[str]:
        return self._tagmsg(event, f"#{event.room}", event.state, tags)

    def _signalled(self, event: Signalled, id_: int, tags: Tags) -> list[str]:
        if event.kind == "TAGMSG":
            return self._tagmsg(event, event.to, event.text, tags)
        who = self._by(event)
        if event.kind == "INVITE":
            source, told = source_of(event.sender, who), tags.of(who, msgid=False)
            return [form("INVITE", event.to, event.text, source=source, tags=told)]
        source, told = source_of(event.sender, who), tags.of(who, msgid=False)
        return [form(event.kind, event.to, text=event.text, source=source, tags=told)]

    def _tagmsg(self, event: Typing | Signalled, target: str, state: str, tags: Tags) -> list[str]:
        if not self.profile.msgid:
            return []
        who = self._by(event)
        told = {**tags.of(who, msgid=False), TYPING: state}
        return [form("TAGMSG", target, source=source_of(event.sender, who), tags=told)]

    def _by(self, event: Any) -> Sender:
        """The event's sender."""
        return self._who(event.sender, bool(getattr(event, "account", False)))


def text_bytes(command: str, source: str, target: str) -> int:
    """The bytes of text that fit into one line after the command, source and target."""
    return MAX_BODY - size(f":{source} {command} {target} :")


def to_bytes(rendered: Sequence[str]) -> bytes:
    """Lines as bytes, each with CR LF."""
    return "".join(f"{line}\r\n" for line in rendered).encode()


def _batched(
    command: str, source: str, target: str, parts: Any, head: dict[str, str], ref: str
) -> list[str]:
    """A text as one `draft/multiline` batch."""
    opening = form("BATCH", f"+{ref}", "draft/multiline", target, source=source, tags=head)
    return [opening, *(_part(command, source, target, part, ref) for part in parts), form_end(ref)]


def _part(command: str, source: str, target: str, part: Piece, ref: str) -> str:
    tags = {"batch": ref}
    if part.concat:
        tags["draft/multiline-concat"] = ""
    return form(command, target, text=part.text, source=source, tags=tags)


def form_end(ref: str) -> str:
    """The line that ends a batch."""
    return form("BATCH", f"-{ref}")
