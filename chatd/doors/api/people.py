"""`/people`: with whom one has spoken privately, and each of those conversations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.python.failure import Failure
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from ...chat.accounts import Record
from ...chat.letter_pages import Partner
from ...chat.letters import Conversation
from ...chat.owners import Owner
from ...chat.sessions import LastingSession
from ...http.body import read_body, read_json
from ...http.fields import whole_number
from ...http.resource import ApiResource, answer, no_content, resource_named
from ...model.commands import Tell
from ...model.errors import BadName, ChatError, Malformed, NoSuchPerson
from ...model.moderation import RedactPrivately
from ...model.names import name_key
from ...model.policy import Action
from ..access import Access, for_programs
from ..polls.longpoll import Polls
from ..reading import ReadQuery, read_query
from .command import CommandResource
from .events import EventsResource
from .forms import MarkerForm, TextForm
from .messages import message_id

MOST_PARTNERS = 500
"""People in one answer."""
NO_SUCH = "nobody has an account of that name, and private messages are kept between accounts only"


class PeopleResource(ApiResource):
    """`/people`: private messages."""

    def __init__(self, access: Access, polls: Polls) -> None:
        super().__init__()
        self._access = access
        self._polls = polls

    def getChild(self, path: bytes, request: Request) -> Resource:
        """A person; whether the person is here shows when a message is sent."""
        if not path:
            return super().getChild(path, request) if request.postpath else self
        return resource_named(path, "person", self._person)

    def _person(self, name: str) -> Resource:
        person = ApiResource()
        for below, make in OF_PERSON.items():
            person.putChild(below, make(self._access, self._polls, name))
        return person

    def render_GET(self, request: Request) -> Deferred[bytes]:
        """The partners of the account's private conversations, the latest conversation first."""
        session = self._access.need_account(request)
        service = self._access.service
        service.readers.check(session, Action.READ_PRIVATELY)
        before, limit = whole_number(request, "before"), whole_number(request, "limit")
        if limit == 0:
            raise Malformed(f"limit has to be from 1 to {MOST_PARTNERS}")
        account = session.person.account
        assert account is not None

        def told(found: tuple[list[Partner], bool], markers: dict[str, int]) -> bytes:
            partners, more = found
            people: list[dict[str, Any]] = []
            for one in partners:
                marker = markers.get(name_key(one.name))
                read = {} if marker is None else {"marker": marker}
                people.append({"name": one.name, "last": one.last, **read})
            next_ = partners[-1].last if partners and more else None
            return answer(request, {"people": people, "next": next_})

        def known(markers: dict[str, int]) -> Deferred[bytes]:
            most = min(limit or MOST_PARTNERS, MOST_PARTNERS)
            partners = service.letters.partners(account, before, most)
            return partners.addCallback(told, markers)

        return service.markers.of_conversations(account).addCallback(known)


class ConversationResource(EventsResource):
    """`/people/{name}/events`: a conversation, read like a room."""

    def __init__(self, access: Access, polls: Polls, name: str) -> None:
        super().__init__(access, polls, ())
        self._name = name

    def _load(self, request: Request, session: LastingSession | None) -> Deferred[Any]:
        """See `EventsResource._load`: the conversation, for an account.

        Raises `NoSession`, `NotAllowed`; fails with `NoSuchPerson`.
        """
        if session is None or session.record is None:
            raise self._access.no_session(
                "private messages are kept for accounts: sign in with POST /session"
            )
        service = self._access.service
        service.readers.check(session, Action.READ_PRIVATELY)
        account = session.person.account
        assert account is not None

        def found(name: str) -> Deferred[Conversation]:
            talk = service.letters.conversation(account, name_key(name), name)
            return service.letters.complete(talk).addCallback(lambda _: talk)

        return find_account(self._access, self._name).addCallback(found)

    def _query(self, request: Request, owner: Owner, loaded: Any) -> ReadQuery:
        """See `EventsResource._query`."""
        return read_query(request, self._access.service, (), owner, several=False, talk=loaded)


class PrivateResource(CommandResource):
    """`/people/{name}/messages`."""

    isLeaf = False

    def getChild(self, path: bytes, request: Request) -> Resource:
        """One message."""
        make = partial(PrivateMessageResource, self._access, self._name)
        return resource_named(path, "id", make)

    def render_POST(self, request: Request) -> Deferred[bytes]:
        """Send a private message; answered when it has its id."""
        command = Tell(self._name, read_body(request, TextForm).text)
        performed = maybeDeferred(self.perform, request, command, 201)
        return performed.addErrback(_for_programs)


class PrivateMessageResource(CommandResource):
    """`/people/{name}/messages/{id}`: one private message."""

    def __init__(self, access: Access, name: str, id_: str) -> None:
        super().__init__(access, name)
        self._id = id_

    def render_DELETE(self, request: Request) -> Deferred[bytes]:
        """Delete the message: the server keeps its text nowhere."""
        self._access.need_account(request)
        command = RedactPrivately(self._name, message_id(self._id))
        deleted = maybeDeferred(self._access.perform, request, command)
        return deleted.addErrback(_for_programs).addCallback(lambda _: no_content(request))


class ConversationMarkerResource(CommandResource):
    """`/people/{name}/marker`: how far the account has read a conversation."""

    def render_PUT(self, request: Request) -> Deferred[bytes]:
        """Move the marker forward to a message; it never moves back."""
        access = self._access
        session = access.need_writing(request)
        access.service.readers.check(session, Action.READ_PRIVATELY)
        id_ = read_json(request, MarkerForm).id
        marking = find_account(access, self._name).addCallback(
            lambda name: access.service.markers.mark_conversation(session.person, name, id_)
        )
        return marking.addCallback(lambda _: no_content(request))


def find_account(access: Access, name: str) -> Deferred[str]:
    """The name of the account that is called so, as it is written.  Fails with `NoSuchPerson`."""
    try:
        key = name_key(name)
    except BadName:
        return fail(NoSuchPerson(NO_SUCH))

    def found(record: Record) -> str:
        if record.value is None:
            raise NoSuchPerson(NO_SUCH)
        return record.value.name

    return access.service.accounts.find(key).addCallback(found)


def _for_programs(failure: Failure) -> NoReturn:
    failure.trap(ChatError)
    assert isinstance(failure.value, ChatError)
    raise for_programs(failure.value)


OF_PERSON: dict[bytes, Callable[[Access, Polls, str], IResource]] = {
    b"messages": lambda access, _, name: PrivateResource(access, name),
    b"events": ConversationResource,
    b"marker": lambda access, _, name: ConversationMarkerResource(access, name),
}
"""What is below `/people/{name}`; a new resource is one line."""
