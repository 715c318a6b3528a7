"""The metrics of a server: everything that `/metrics` shows, read at the moment of the request.

1. Nothing is labelled by room, person or address.
2. Counting costs nothing during fan-out: numbers of readers and queues are counted when the metrics
   are asked for, in the structures that exist anyway.
3. A request for metrics visits no reader, poll or session, so its time does not grow with their
   number: it may not hold up the event loop.
"""

from __future__ import annotations

import gc
import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from ..chat.service import ChatService
from ..codecs.prometheus import Exposition, Family
from ..model.metrics import RARE
from ..net.connections import Connections
from ..net.peers import Peers
from ..stream.feed import Source
from .lag import LoopLag
from .tls import DoorCertificates


class ServerMetrics:
    """Reads the metrics of one server."""

    def __init__(
        self,
        chat: ChatService,
        connections: Connections,
        peers: Peers,
        lag: LoopLag,
        certificates: Sequence[DoorCertificates] = (),
    ) -> None:
        self._chat = chat
        self._connections = connections
        self._peers = peers
        self._lag = lag
        self._certificates = certificates
        self._started = time.time()

    def collect(self) -> bytes:
        """All metrics, in Prometheus' text format."""
        return self._page().encode()

    def families(self) -> list[Family]:
        """All metrics."""
        return self._page().families

    def _page(self) -> Exposition:
        page = Exposition()
        self._add_clients(page)
        self._add_commands(page)
        self._add_queues(page)
        self._add_push(page)
        self._add_certificates(page)
        self._add_process(page)
        return page

    def _add_clients(self, page: Exposition) -> None:
        chat, connections = self._chat, self._connections
        page.gauge("chatd_connections", "Open connections.", connections.by_door, "door")
        page.gauge("chatd_connections_limit", "Connections that may be open.", connections.most)
        page.counter(
            "chatd_connections_refused_total",
            "Connections refused because of a limit.",
            RARE.refused_connections,
            "code",
        )
        page.gauge(
            "chatd_readers",
            "Readers of rooms, by the format of their events; a poll group is one reader, and a "
            "reader of several rooms counts in each.",
            count_readers(chat),
            "format",
        )
        page.gauge("chatd_polls_held", "Long-polls that wait for an event.", chat.readers.polls)
        people = len(chat.people.held)
        page.gauge("chatd_people", "People who are present.", people, common=True)
        page.gauge("chatd_sessions", "Sessions over HTTP.", chat.admission.sessions)
        rooms = len(chat.rooms.index)
        page.gauge("chatd_rooms", "Rooms that exist.", rooms, common=True)
        page.gauge(
            "chatd_connections_stalled",
            "Connections whose buffer is full, because their clients do not read fast enough.",
            self._peers.stalls.count(),
        )
        page.counter(
            "chatd_connections_too_slow_total",
            "Connections closed because their clients did not read.",
            RARE.stalled,
        )
        page.counter("chatd_gaps_total", "Gaps reported to readers.", RARE.gaps)

    def _add_commands(self, page: Exposition) -> None:
        journal = self._chat.journal_metrics
        stored = {str(kind.__struct_config__.tag): count for kind, count in journal.stored.items()}
        page.counter(
            "chatd_commands_stored_total",
            "Commands of this node that were stored and shown, by the type of their first event.",
            stored,
            "type",
        )
        page.counter(
            "chatd_refused_total",
            "Refusals sent to clients, by the codes of their errors.",
            RARE.refusals,
            "code",
        )
        page.counter(
            "chatd_commands_judged_again_total",
            "Judgements repeated because another command came first.",
            journal.judged_again,
        )
        page.counter(
            "chatd_store_failures_total",
            "Appends that the store refused, or whose outcome is in doubt.",
            journal.failed_appends,
        )
        page.histogram(
            "chatd_shown_seconds",
            "Time from accepting a command to showing it.",
            journal.shown_seconds,
        )
        page.histogram(
            "chatd_store_append_seconds",
            "Time that the store takes for a batch.",
            journal.append_seconds,
        )
        page.histogram(
            "chatd_store_batch_units", "Commands in a batch for the store.", journal.batches
        )

    def _add_queues(self, page: Exposition) -> None:
        page.gauge(
            "chatd_queue_length",
            "Waiting work: units for the store (store), readers to be woken (fanout), passwords "
            "to be hashed (passwords), messages and notifications for push services (push).",
            self._chat.queues(),
            "queue",
        )
        page.histogram(
            "chatd_event_loop_lag_seconds",
            "How late a timer fires, because the event loop is busy.",
            self._lag.seconds,
        )

    def _add_push(self, page: Exposition) -> None:
        push = self._chat.push
        page.gauge(
            "chatd_push_subscriptions",
            "Browsers that are notified while the page is closed.",
            len(push.subscriptions),
            common=True,
        )
        page.counter(
            "chatd_push_notifications_total",
            "Push notifications by what became of them: sent, gone (the browser wants no more), "
            "refused, failed, limited (too many for one account), dropped (a queue was full).",
            push.counts,
            "outcome",
        )

    def _add_certificates(self, page: Exposition) -> None:
        """By the number of the endpoint: certificates have host names, which nobody need read."""
        expiries = {
            f"{number} {door.door}": min(one.expires.timestamp() for one in door.certificates)
            for number, door in enumerate(self._certificates, 1)
        }
        page.gauge(
            "chatd_tls_certificate_expiry_timestamp_seconds",
            "When the first certificate of an endpoint expires, in seconds since the Unix epoch; "
            "an endpoint is a number and its door.",
            expiries,
            "endpoint",
            common=True,
        )

    def _add_process(self, page: Exposition) -> None:
        own = {version("chatd"): 1}
        page.gauge("chatd_build_info", "The version.", own, "version", common=True)
        page.gauge("chatd_workers", "Processes that serve behind the same ports.", 1)
        page.gauge("process_resident_memory_bytes", "Resident memory in bytes.", resident_bytes())
        page.counter(
            "process_cpu_seconds_total", "User and system CPU time in seconds.", time.process_time()
        )
        page.gauge(
            "process_start_time_seconds",
            "Start, in seconds since the Unix epoch.",
            self._started,
            common=True,
        )
        collections = {str(n): each["collections"] for n, each in enumerate(gc.get_stats())}
        page.counter(
            "python_gc_collections_total",
            "Searches for reference cycles.",
            collections,
            "generation",
        )


def count_readers(chat: ChatService) -> Counter[str]:
    """The readers of rooms by the format of their events.  Visits feeds, which are a few for each
    room, and no reader.
    """
    formats: Counter[str] = Counter()
    for source in sources(chat):
        for feed in source.feeds():
            if feed.readers:
                # A codec's further words may be names: those of ignored people, for example.
                formats[feed.codec.name.split(" ")[0]] += len(feed.readers)
    return formats


def sources(chat: ChatService) -> Iterator[Source]:
    """Everything that readers of rooms read."""
    for room in chat.rooms:
        yield room
        for other in (room.watched, room.streamed):
            if other is not None:
                yield other


def resident_bytes() -> int:
    """The resident memory of this process; where the system does not say it, its highest value."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
    return pages * os.sysconf("SC_PAGE_SIZE")
