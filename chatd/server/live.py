"""The settings that a reload changes while the server runs, and how each of them is applied.

1. A setting that is not in `LIVE` takes effect at the next start only.
2. Applying a setting never disconnects a client, or closes a session, a room or a reader.  If there
   are more of them than a lowered limit allows, no further ones are admitted.
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
from ..net.connections import Connections
from .capacity import most_connections
from .pageurl import page_url
from .peoplelog import PeopleLog
from .settings import Settings


@dataclass(frozen=True, kw_only=True)
class Live:
    """The parts of one server that settings in `LIVE` change."""

    chat: ChatService
    connections: Connections
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


def _connections(live: Live, settings: Settings) -> None:
    live.connections.limit(most_connections(settings), settings.max_connections_per_address)


def _times(live: Live, settings: Settings) -> None:
    for site in live.sites:
        site.limit(settings.request_time, settings.idle)


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
    rules = live.chat.sign_in.rules
    rules.register = settings.rules.register
    rules.plain_passwords = settings.plain_passwords


def _people(live: Live, settings: Settings) -> None:
    live.people_log.switch(settings.log_people)


def _motd(live: Live, settings: Settings) -> None:
    live.irc.told = replace(live.irc.told, motd=settings.motd_lines())


LIVE: Mapping[str, Callable[[Live, Settings], None]] = {
    "message_rate": _limits,
    "address_rate": _limits,
    "max_rooms": _limits,
    "max_rooms_per_address": _limits,
    "max_rooms_per_session": _limits,
    "max_sessions": _limits,
    "max_sessions_per_address": _limits,
    "max_readers": _limits,
    "max_connections": _connections,
    "max_connections_per_address": _connections,
    "request_time": _times,
    "idle": _times,
    "host": _names,
    "allow_origin": _names,
    "trust_proxy": _proxies,
    "hsts": _strict,
    "register": _rules,
    "plain_passwords": _rules,
    "log_people": _people,
    "motd": _motd,
}
"""Settings that take effect without a restart, each with the function that applies it."""
