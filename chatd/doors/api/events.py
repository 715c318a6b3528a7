"""`/rooms/{room}/events` and `/events`: events, in the format that the client asks for."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.web.server import NOT_DONE_YET, Request

from ...chat.owners import Owner
from ...chat.sessions import LastingSession
from ...http.channel import ChatChannel
from ...http.fields import header, one, whole_number
from ...http.media import EVENT_STREAM, preferred
from ...http.request import ChatRequest
from ...http.resource import ApiResource, refuse
from ...http.wsprotocol import handshake, switching, wants_websocket
from ...model.errors import ChatError, Malformed
from ...model.metrics import RARE
from ...net.peers import going_down
from ...stream.batch import Batch
from ...stream.eventlog import Page
from ...stream.pages import newest
from ..access import Access
from ..ndjson import open_ndjson
from ..polls.groups import PollTemplate
from ..polls.longpoll import (
    DEFAULT_WAIT,
    NDJSON,
    STYLES,
    PollFormat,
    PollKey,
    PollRequest,
    Polls,
    json_format,
    plain_format,
    wait_in,
)
from ..polls.marks import with_marks
from ..polls.templates import learn, learn_held
from ..reading import ReadQuery, inbox_of, load_rooms, named_rooms, read_query
from ..sse import open_sse
from ..websocket import ChatSocket


class EventsResource(ApiResource):
    """The events of some rooms: earlier ones, and new ones as they come."""

    isLeaf = True

    def __init__(self, access: Access, polls: Polls, rooms: Sequence[str] | None) -> None:
        """`rooms` are the rooms in the path; None: the query names the rooms."""
        super().__init__()
        self._access = access
        self._polls = polls
        self._rooms = rooms

    def render_GET(self, request: Request) -> Any:
        """Read forwards from the cursor `since`, or backwards from the id `before`."""
        media = preferred(header(request, "accept") or "", STYLES)
        before = whole_number(request, "before")
        if before is not None and one(request, "since") is not None:
            raise Malformed("give before to page back, or since to read on; not both")
        stream = before is None and (media == EVENT_STREAM or wants_websocket(request))
        session = self._access.reader(request, stream=stream)
        return self._load(request, session).addCallback(self._read, request, session, media)

    def _load(self, request: Request, session: LastingSession | None) -> Deferred[Any]:
        """Load what is read."""
        names = named_rooms(request) if self._rooms is None else self._rooms
        loading = load_rooms(self._access.service, names)
        inbox = inbox_of(session) if session is not None and self._rooms is None else None
        if inbox is None:
            return loading
        complete = self._access.service.letters.complete
        return loading.addCallback(lambda rooms: complete(inbox).addCallback(lambda _: rooms))

    def _query(self, request: Request, owner: Owner, loaded: Any) -> ReadQuery:
        """What is read, and from where."""
        service, several = self._access.service, self._rooms is None
        return read_query(request, service, loaded, owner, several=several)

    def _read(
        self, loaded: Any, request: Request, session: LastingSession | None, media: str
    ) -> Any:
        """Answer the request, now that what it reads is in memory."""
        if request.channel is None:
            return NOT_DONE_YET  # the client has disconnected meanwhile
        access = self._access
        if access.peers.draining:
            raise going_down()
        query = self._query(request, access.owner(request, session), loaded)
        query.check_allowed()
        format_ = plain_format(query) if media == "text/plain" else json_format(query)
        before = whole_number(request, "before")
        if before is not None:
            return self._page(request, query, before, format_)
        query.note_rooms()
        if wants_websocket(request):
            accept = handshake(request)
            query.check_readers()
            access.use_ticket(request)
            channel = cast(ChatChannel, request.channel)
            site = channel.site  # a channel that is kept would keep its connection
            socket = ChatSocket(access, query, access.address(request), site.max_body)
            socket.opening = access.openings.learn(
                request,
                query,
                lambda query: ChatSocket(access, query, query.owner.address, site.max_body),
                lambda key, _: switching(key),
            )
            return channel.upgrade(accept, socket)
        if media in (EVENT_STREAM, NDJSON):
            query.check_readers()
            if request.method != b"HEAD":
                access.use_ticket(request)
            open_stream = open_sse if media == EVENT_STREAM else open_ndjson
            return open_stream(access.streams, request, query)
        return RequestPoll(self._polls, request, query, format_, _wait(request)).hold()

    def _page(
        self, request: Request, query: ReadQuery, before: int, format_: PollFormat
    ) -> Deferred[bytes]:
        """Answer at once with the last events before an id, from memory or the store.

        `next` is the cursor after the last of them.  If the page was cut short by its size, `next`
        is the `before` of the request for the rest.
        """
        service, talk = self._access.service, query.talk
        if talk is None and len(query.rooms) != 1:
            raise Malformed("before pages back through one room; use /rooms/{room}/events")
        format_.dress(request)

        def answer(page: Page) -> bytes:
            query.check_allowed()  # the policy may have changed while the page was read
            entries, chunk, whole = newest(page.entries, format_.codec)
            place = entries[-1].id if entries else max(before - 1, 0)
            if entries and len(entries) < query.limit and (page.more or not whole):
                place = entries[0].id
                if not format_.head:
                    _link(request, f"before={place}&limit={query.limit}")
            return format_.body(Batch(chunk, len(entries), place))

        if talk is not None:
            return service.letters.page(talk, before, query.limit).addCallback(answer)
        return service.page(query.rooms[0], before, query.limit).addCallback(answer)


class RequestPoll:
    """The poll of a request that twisted.web has parsed: an outlet that takes one batch."""

    brief = True

    def __init__(
        self, polls: Polls, request: Request, query: ReadQuery, format_: PollFormat, wait: float
    ) -> None:
        """Raises `Malformed`, `NotAllowed`."""
        self.due: float | None = None
        self.filed = 0
        self._asked = PollRequest(query, format_, wait, poll_key(request, query))
        self._polls = polls
        self._request = request
        self._subscriber = query.open(self, format_.codec)
        self._answered = False
        self._marks: dict[str, int] = {}
        key = self._asked.key
        if query.several and isinstance(key, PollKey) and key.session.record is not None:
            self._marks = polls.marks.due(key.session, key.reader or "")
        self._template: PollTemplate | None = None
        """The template that new connections share with this poll, while it is held."""
        query.begin(self)

    def hold(self) -> int:
        """Answer at once if there is an event; otherwise at the next event, or after the wait."""
        asked, subscriber = self._asked, self._subscriber
        subscriber.start()
        if self._marks and not self._answered:
            subscriber.wake()
            self.give_up()
        if asked.wait <= 0 and not self._answered:
            subscriber.wake()  # `start` leaves events for which a round is about to begin
        if asked.wait <= 0 and not self._answered:
            subscriber.when_caught_up(self.give_up)
        if self._answered:
            asked.query.end(self)
        else:
            # A poll with `wait=0` is held too, while a page of the store is read.
            self._polls.deadlines.set(self, asked.wait or DEFAULT_WAIT)
            self._polls.place(asked.key, self)
            self._polls.readers.polls += 1
            cast(ChatRequest, self._request).conclude = self.conclude
            self._request.notifyFinish().addBoth(self._finished)
            self._template = learn_held(self._polls, asked, self._request)
        return NOT_DONE_YET

    def deliver(self, batch: Batch) -> bool:
        """Answer with the batch."""
        if batch.gaps:
            RARE.gaps += 1
        request, format_ = self._request, self._asked.format
        body = format_.body(batch)
        if self._marks and format_.head:
            body = with_marks(body, self._marks)
            self._marks.clear()
        format_.dress(request)
        if not format_.head:
            _link(request, f"{self._asked.query.url_query}since={batch.cursor}")
        self._write(body)
        # Learn before `finish`, after which the channel may handle a pipelined request.
        learned = learn(self._polls, self._asked, request)
        if learned:
            cast(ChatChannel, request.channel).learned = learned
        request.finish()
        return False

    def revoked(self, error: ChatError) -> None:
        """Answer with the refusal that a new request would get."""
        self._write(refuse(self._request, error))
        self._request.finish()

    def removed(self, room: str, error: ChatError) -> None:
        """Answer like `revoked`: a new request that names a forbidden room is refused."""
        self._subscriber.stop()
        self.revoked(error)

    def _write(self, body: bytes) -> None:
        self._answered = True
        self._request.setHeader(b"content-length", b"%d" % len(body))
        self._request.write(body)

    def give_up(self) -> None:
        """Answer with no events: the wait is over, a newer poll replaces this one, or the session
        has ended.
        """
        if not self._answered:
            self._subscriber.stop()
            self.deliver(Batch(b"", 0, self._subscriber.cursor))

    time_is_up = dismiss = give_up

    def conclude(self) -> None:
        """Answer with the available events: the server is going down."""
        self._subscriber.wake()
        self.give_up()

    def _finished(self, _: object) -> None:
        """The poll is answered, or its client has disconnected."""
        self._answered = True
        cast(ChatRequest, self._request).conclude = None
        self._subscriber.stop()
        self._polls.deadlines.forget(self)
        self._polls.vacate(self._asked.key, self)
        self._polls.readers.polls -= 1
        self._asked.query.end(self)


def poll_key(request: Request, query: ReadQuery) -> Hashable:
    """The key of a poll: of polls with the same key only the newest is held.  None: the poll has no
    session, and any number may be held.

    Raises `Malformed`.
    """
    if query.session is None:
        return None
    what = query.talk or tuple(query.rooms)
    return PollKey(query.session, one(request, "reader"), query.several, what)


def _link(request: Request, query: str) -> None:
    """Set the header `Link` (RFC 8288) to the next page: a text has no place for the cursor."""
    place = request.path.decode("ascii", "replace")
    request.setHeader(b"link", f'<{place}?{query}>; rel="next"'.encode())


def _wait(request: Request) -> float:
    wait = wait_in(one(request, "wait"))
    return 0.0 if request.method == b"HEAD" else wait
