"""The policy: what an identity may do, in a room or in the whole chat.

1. One pure function decides everything, for reading and for every command: `decide`.  It reads one
   table, `RULES`; docs/permissions.md is made from that table, and a test compares the two.
2. The default is to deny: an action without a rule is refused, and so is everything in a room
   whose cells could not be read.
3. The checks have a fixed order, so that no refusal reveals what an earlier check hides: a hidden
   room, the token's scope, a ban, a role, the room's settings, a mute, slow mode.
4. `decide` uses the identity and the room as they are now, and may be called again at any time.
   Readers are judged when they open and whenever a room's revision changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Literal, NamedTuple, Protocol

from .errors import Banned, Muted, NoSession, NotAllowed, NotFound, SlowMode, Unavailable
from .identity import Identity, Scope, subject
from .restrictions import MICROS, Restrictions
from .rights import EMPTY, Rights, Role
from .roomstate import NEW_ROOM, RoomState

Guests = Literal["full", "read", "none"]
"""The setting `--guests`: people without an account may do what each room allows, only read open
rooms, or do nothing."""


class Action(Enum):
    """An action that the policy judges; the value completes the sentence "you may not …"."""

    ENTER = "come in"
    """Begin a session."""
    LIST = "see which rooms there are"
    READ = "read here"
    """A room's events, topic and people."""
    JOIN = "join this room"
    SPEAK = "speak here"
    SET_TOPIC = "set the topic"
    RENAME = "take another name"
    WRITE_PRIVATELY = "send private messages"
    READ_PRIVATELY = "read private messages"
    DELETE_OWN = "delete their own messages"
    DELETE = "delete other people's messages"
    DELETE_PRIVATE = "delete other people's private messages"
    KICK = "put somebody out"
    BAN = "ban somebody"
    BAN_NETWORK = "ban a network"
    SEE_BANS = "see the bans"
    MUTE = "mute somebody"
    GIVE_VOICE = "give and take the role voice"
    GIVE_ROLE = "give and take the roles op and owner"
    SLOW_DOWN = "slow the room down, or say who sets the topic"
    CONFIGURE = "change the room's settings"
    ADMIT = "say who are members"
    INVITE = "invite"
    BAN_FROM_SERVER = "ban somebody from the server"
    SEE_AUDIT = "see what moderators did"
    ADMINISTER = "see and change the accounts of others"

    __hash__ = object.__hash__  # an Enum's own is Python code, and each message asks for it


class RoomView(Protocol):
    """A room, as the policy sees it."""

    @property
    def name(self) -> str:
        """Its name, without `#`."""

    @property
    def state(self) -> RoomState:
        """Its settings."""

    @property
    def rights(self) -> Rights:
        """Its roles, bans, mutes and members."""

    @property
    def readable(self) -> bool:
        """Whether its rights are known; otherwise everything is refused."""

    @property
    def unfounded(self) -> bool:
        """Whether the room does not exist yet; a person in it then acts as its founder."""

    def holds(self, identity: Identity) -> bool:
        """Whether the identity's person is in the room."""


class AbsentRoom(NamedTuple):
    """A room that is not in memory because it does not exist."""

    name: str = ""
    state: RoomState = NEW_ROOM
    rights: Rights = EMPTY
    readable: bool = True
    unfounded: bool = True

    def holds(self, identity: Identity) -> bool:
        """See `RoomView.holds`."""
        return False


class Entered(AbsentRoom):
    """A room as it will be for somebody who comes into it first; see `entered`."""

    __slots__ = ()

    def holds(self, identity: Identity) -> bool:
        """See `RoomView.holds`."""
        return True


def entered(room: RoomView) -> Entered:
    """That room, for judging what somebody may do in it once in it."""
    return Entered(room.name, room.state, room.rights, room.readable, room.unfounded)


NOWHERE = AbsentRoom()


class Policy(Protocol):
    """Decides what an identity may do."""

    def may(self, identity: Identity, action: Action, room: RoomView | None = None) -> None:
        """Return if the identity may do `action`, in `room` if the action concerns a room.

        Raises a `ChatError`, which says why not.
        """


class Rule(NamedTuple):
    """One row of the table: what one action takes."""

    role: Role = Role.NONE
    """The lowest role that may; administrators have all roles."""
    room: bool = True
    """Whether the action concerns a room."""
    strangers: bool = False
    """Whether clients without a session may."""
    banned: bool = False
    """Whether somebody who is banned may."""
    muted: bool = True
    """Whether somebody who is muted may."""
    posting: bool = False
    """Whether the room's setting `posting` applies, and its slow mode."""
    outside: bool = True
    """Whether somebody who is not in the room may, where the room's setting `outside` is off."""
    topic: bool = False
    """Whether the room's setting `topic` applies."""
    hidden: bool = False
    """Whether an administrator may in a room of `members` without being one, and if the room has
    banned the administrator: otherwise an owner could keep administrators from a room for good."""
    accounts: bool = False
    """Whether only accounts may."""
    admins: bool = False
    """Whether only administrators of the server may."""
    scope: Scope = "all"
    """The narrowest scope of a personal token that may."""


OP, OWNER, VOICE = Role.OP, Role.OWNER, Role.VOICE

RULES: Mapping[Action, Rule] = {
    Action.ENTER: Rule(room=False, strangers=True, scope="write"),
    Action.LIST: Rule(room=False, strangers=True, scope="read"),
    Action.READ: Rule(strangers=True, scope="read"),
    Action.JOIN: Rule(scope="write"),
    Action.SPEAK: Rule(strangers=True, muted=False, posting=True, outside=False, scope="write"),
    Action.SET_TOPIC: Rule(strangers=True, muted=False, topic=True, outside=False, scope="write"),
    Action.DELETE_OWN: Rule(scope="write"),
    Action.DELETE: Rule(OP, hidden=True),
    Action.KICK: Rule(OP, hidden=True),
    Action.BAN: Rule(OP, hidden=True),
    Action.BAN_NETWORK: Rule(OP, hidden=True, admins=True),
    Action.SEE_BANS: Rule(OP, hidden=True),
    Action.MUTE: Rule(OP, hidden=True),
    Action.GIVE_VOICE: Rule(OP, hidden=True),
    Action.GIVE_ROLE: Rule(OWNER, hidden=True),
    Action.SLOW_DOWN: Rule(OP, hidden=True),
    Action.CONFIGURE: Rule(OWNER, hidden=True),
    Action.ADMIT: Rule(OP, hidden=True),
    Action.INVITE: Rule(OP, hidden=True),
    Action.RENAME: Rule(room=False),
    Action.WRITE_PRIVATELY: Rule(room=False, strangers=True, scope="write"),
    Action.READ_PRIVATELY: Rule(room=False, scope="write"),
    Action.DELETE_PRIVATE: Rule(room=False, admins=True),
    Action.BAN_FROM_SERVER: Rule(room=False, admins=True),
    Action.SEE_AUDIT: Rule(room=False, admins=True),
    Action.ADMINISTER: Rule(room=False, admins=True),
}
"""The rule of each action.  An action without a rule is refused to everybody."""

_SCOPES: Mapping[Scope | None, int] = {"read": 1, "write": 2, "all": 3, None: 4}
NO_SUCH_ROOM = "there is no such room, or it is not open to you; ask for an invite"
"""The refusal of every action in a hidden room."""


def decide(
    rules: Mapping[Action, Rule],
    identity: Identity,
    action: Action,
    room: RoomView | None,
    now: int,
    banned: Restrictions,
    guests: Guests = "full",
) -> None:
    """Return if the identity may do `action` at `now`, in microseconds since the Unix epoch.

    `banned` are the bans of the whole server.  Raises `NotFound` for a room that is hidden,
    `Banned`, `Muted`, `SlowMode`, `NoSession`, `Unavailable`, and otherwise `NotAllowed`, which
    says who may.
    """
    rule = rules.get(action)
    if rule is None:
        raise NotAllowed(f"you may not {action.value}")
    if banned.placed and not rule.banned:
        _check_banned(banned, identity, now, "the server")
    if guests != "full" and identity.account is None and not identity.admin:  # the console is none
        _check_guests(guests, action)
    anonymous = not identity.id and identity.account is None
    if not rule.room:
        if identity.scope is not None:
            _check_scope(rule, identity, action)
        if anonymous and not rule.strangers:
            raise NoSession(_needs_session(action))
        if rule.admins and not identity.admin:
            raise NotAllowed(f"only an administrator of the server may {action.value}")
        return
    room = NOWHERE if room is None else room
    if not room.readable:
        raise Unavailable("who may do what in that room cannot be read now; try again in a moment")
    rights = room.rights
    power = Role.NONE
    if rights.roles and not anonymous:
        power = rights.power(subject(identity))
    if (
        room.state.closed
        and not (power or (not anonymous and subject(identity) in rights.admitted))
        and not (rule.hidden and identity.admin)
    ):
        raise NotFound(NO_SUCH_ROOM)
    if identity.scope is not None:
        _check_scope(rule, identity, action)
    if rights.bans.placed and not rule.banned and not (rule.hidden and identity.admin):
        _check_banned(rights.bans, identity, now, f"#{room.name}")
    if anonymous and not rule.strangers:
        raise NoSession(_needs_session(action))
    if rule.admins and not identity.admin:
        raise NotAllowed(f"only an administrator of the server may {action.value}")
    if rule.muted and rule.outside and not (rule.role or rule.topic or rule.posting):
        return  # nothing below applies, as for reading, which is asked most often
    if identity.admin or (room.unfounded and room.holds(identity)):
        power = OWNER
    if power < rule.role:
        raise NotAllowed(_needs(rule.role, action, room))
    if power >= OP:
        if not rule.muted and rights.mutes.placed:
            _check_muted(rights.mutes, identity, now)
        return
    state = room.state
    if not rule.outside and not (state.outside or room.holds(identity)):
        raise NotAllowed(f"you are not in #{room.name}; join it first")
    if rule.topic and state.topic_by != "everyone":
        raise NotAllowed(_needs(OP, action, room))
    if rule.posting and state.posting != "everyone" and not power:
        if state.posting != "accounts":
            raise NotAllowed(_needs(VOICE, action, room))
        if identity.account is None:
            raise NotAllowed(f"only people with an account may {action.value}; register or sign in")
    if not rule.muted and rights.mutes.placed:
        _check_muted(rights.mutes, identity, now)
    if rule.posting and state.slow and not power:
        _check_slow(rights, identity, now, state.slow)


def _check_banned(bans: Restrictions, identity: Identity, now: int, where: str) -> None:
    ban = bans.hitting(identity, now)
    if ban is not None:
        raise Banned(ban.explained(f"you are banned from {where}"))


def _check_muted(mutes: Restrictions, identity: Identity, now: int) -> None:
    mute = mutes.hitting(identity, now)
    if mute is not None:
        raise Muted(mute.explained("you are muted here"))


def _check_guests(guests: Guests, action: Action) -> None:
    if guests == "none":
        raise NoSession("this server is for people with an account; sign in first")
    if action not in (Action.LIST, Action.READ):
        raise NotAllowed(f"only people with an account may {action.value}; register or sign in")


def check_scope(identity: Identity, action: Action) -> None:
    """Check that the identity's personal token, if it uses one, is for `action`.

    For what is then done by another identity of the same account, or needs no other permission.
    Raises `NotAllowed`.
    """
    _check_scope(RULES[action], identity, action)


def _check_scope(rule: Rule, identity: Identity, action: Action) -> None:
    if _SCOPES[identity.scope] < _SCOPES[rule.scope]:
        raise NotAllowed(f"this token is not for that: its scope would have to be {rule.scope}")


def _check_slow(rights: Rights, identity: Identity, now: int, slow: int) -> None:
    last = rights.spoken.get(speaker_of(identity))
    if last is not None and (wait := last + slow * MICROS - now) > 0:
        seconds = -(-wait // MICROS)
        raise SlowMode(
            f"this room takes one message in {slow} seconds from each; wait {seconds} more",
            wait / MICROS,
        )


def speaker_of(identity: Identity) -> str:
    """The key under which slow mode counts messages: the subject, or a visitor's address."""
    return subject(identity) or f"?{identity.address}"


_NEEDS = {VOICE: "a voice, op or owner", OP: "an op or owner", OWNER: "an owner"}


def _needs_session(action: Action) -> str:
    return f"you may not {action.value} without a session; begin one, or sign in"


def _needs(role: Role, action: Action, room: RoomView) -> str:
    return f"only {_NEEDS[role]} of #{room.name} may {action.value}"


class RoomPolicy:
    """The policy of a chat: `decide` with its table, at the present moment."""

    def __init__(
        self,
        now: Callable[[], int],
        banned: Restrictions,
        guests: Guests = "full",
        rules: Mapping[Action, Rule] = RULES,
    ) -> None:
        """`now` returns microseconds since the Unix epoch, and `banned` are the server's bans."""
        self._now = now
        self._banned = banned
        self._guests = guests
        self._rules = rules

    def with_guests(self, guests: Guests) -> RoomPolicy:
        """The same policy with another rule for guests."""
        return RoomPolicy(self._now, self._banned, guests, self._rules)

    def may(self, identity: Identity, action: Action, room: RoomView | None = None) -> None:
        """See `Policy.may`."""
        banned = self._banned
        # Most decisions do not depend on the time, and reading a clock takes longer than deciding.
        timed = bool(banned.placed)
        if room is not None and not timed:
            rights = room.rights
            timed = bool(rights.bans.placed or rights.mutes.placed or room.state.slow)
        now = self._now() if timed else 0
        decide(self._rules, identity, action, room, now, banned, self._guests)


class OpenPolicy:
    """The policy of an open chat: every identity may do everything."""

    def may(self, identity: Identity, action: Action, room: RoomView | None = None) -> None:
        """See `Policy.may`."""
        if action not in RULES:
            raise NotAllowed(f"you may not {action.value}")
