"""The settings that a reload changes while the server runs, and how each of them is applied.

1. A setting that is not in `LIVE` is read at the start only, and `RESTART` says why.
2. Applying a setting never disconnects a client.  If there are more sessions, rooms or readers than
   a lowered limit allows, they stay, and no further ones are admitted.  Two settings take away what
   clients had: with `guests`, clients without an account may read less, and with `keep…`, the
   server deletes old events, and old records of the audit trail.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from ..chat.service import ChatService
from ..doors.irc.door import IrcDoor
from ..http.hosts import Hosts
from ..http.origin import Origins
from ..http.proxies import Proxies
from ..http.site import ChatSite
from ..http.stricttransport import StrictTransport
from ..model.policy import RoomPolicy
from ..net.connections import Connections
from ..net.peers import Peers
from ..store import Store
from .capacity import most_connections
from .doors import DOORS
from .pageurl import page_url
from .peoplelog import PeopleLog
from .settings import Settings


@dataclass(frozen=True, kw_only=True)
class Live:
    """The parts of one server that settings in `LIVE` change."""

    chat: ChatService
    store: Store
    connections: Connections
    peers: Peers
    sites: Collection[ChatSite]
    """The doors that speak HTTP."""
    hosts: Hosts
    origins: Origins
    proxies: Proxies
    strict: StrictTransport
    irc: IrcDoor
    people_log: PeopleLog


def _limits(live: Live, settings: Settings) -> None:
    live.chat.admission.replace(settings.limits, live.chat.people.local())
    _requests(live, settings)


def _connections(live: Live, settings: Settings) -> None:
    live.connections.limit(most_connections(settings), settings.max_connections_per_address)


def _requests(live: Live, settings: Settings) -> None:
    for site in live.sites:
        site.limit(settings.bounds)


def _stall(live: Live, settings: Settings) -> None:
    live.peers.stalls.seconds = settings.stall
    live.connections.expect_stalls(settings.stall)


def _retention(live: Live, settings: Settings) -> None:
    live.store.retention = settings.retention


def _audit(live: Live, settings: Settings) -> None:
    live.chat.audit_trail.bounds = settings.trail_bounds


def _names(live: Live, settings: Settings) -> None:
    live.hosts.replace(settings.hosts)
    live.origins.replace(settings.allow_origin)
    live.chat.page_url = page_url(settings)


def _proxies(live: Live, settings: Settings) -> None:
    live.proxies.replace(*settings.trusted)
    live.chat.page_url = page_url(settings)


def _strict(live: Live, settings: Settings) -> None:
    live.strict.seconds = settings.hsts


def _rules(live: Live, settings: Settings) -> None:
    rules, new = live.chat.sign_in.rules, settings.rules
    rules.register, rules.plain_passwords = new.register, new.plain_passwords
    rules.checkers = new.checkers


def _guests(live: Live, settings: Settings) -> None:
    live.chat.sign_in.rules.guests = settings.rules.guests
    policy = live.chat.readers.policy
    if isinstance(policy, RoomPolicy):
        live.chat.readers.policy = policy.with_guests(settings.rules.guests)


def _people(live: Live, settings: Settings) -> None:
    live.people_log.switch(settings.log_people)


def _push(live: Live, settings: Settings) -> None:
    live.chat.push.notices.text = settings.push_text


def _motd(live: Live, settings: Settings) -> None:
    live.irc.told = replace(live.irc.told, motd=settings.motd_lines())


LIVE: Mapping[str, Callable[[Live, Settings], None]] = {
    "message_rate": _limits,
    "max_text": _limits,
    "address_rate": _limits,
    "max_rooms": _limits,
    "max_rooms_per_address": _limits,
    "max_rooms_per_session": _limits,
    "max_sessions": _limits,
    "max_sessions_per_address": _limits,
    "max_readers": _limits,
    "max_connections": _connections,
    "max_connections_per_address": _connections,
    "max_body": _requests,
    "request_time": _requests,
    "idle": _requests,
    "stall": _stall,
    "keep": _retention,
    "keep_events": _retention,
    "keep_audit": _audit,
    "keep_audit_records": _audit,
    "host": _names,
    "allow_origin": _names,
    "trust_proxy": _proxies,
    "hsts": _strict,
    "guests": _guests,
    "register": _rules,
    "auth": _rules,
    "plain_passwords": _rules,
    "log_people": _people,
    "push_text": _push,
    "motd": _motd,
}
"""Settings that take effect without a restart, each with the function that applies it."""
_PORTS = "ports are bound at the start, before the process gives up its privileges"
RESTART: Mapping[str, str] = {
    **dict.fromkeys((door.name for door in DOORS), _PORTS),
    "store": "another store has another history",
    "node": "the other nodes know this one by its name",
    "workers": "they share ports that are bound at the start",
    "durability": "the database is opened with it",
    "history": "rooms in memory have their size already",
    "log_format": "one file has one format",
    "push_contact": "push services have been told the address",
    "irc_name": "IRC clients have been told the name",
    "irc_network": "IRC clients have been told the name",
}
"""Why other settings need a restart."""
