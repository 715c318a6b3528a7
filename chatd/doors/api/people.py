"""`/people`: with whom one has spoken privately, and each of those conversations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from ...chat.accounts import Record
from ...chat.letters import Conversation, Partner
from ...chat.owners import Owner
from ...chat.sessions import LastingSession
from ...http.body import read_body
from ...http.fields import whole_number
from ...http.resource import ApiResource, answer, resource_named
from ...model.commands import Tell
from ...model.errors import BadName, ChatError, Malformed, NoSuchPerson
from ...model.names import name_key
from ...model.policy import Action
from ..access import Access, for_programs
from ..polls.longpoll import Polls
from ..reading import ReadQuery, read_query
from .command import CommandResource
from .events import EventsResource
from .forms import TextForm

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

        def told(found: tuple[list[Partner], bool]) -> bytes:
            partners, more = found
            people = [{"name": one.name, "last": one.last} for one in partners]
            next_ = partners[-1].last if partners and more else None
            return answer(request, {"people": people, "next": next_})

        most = min(limit or MOST_PARTNERS, MOST_PARTNERS)
        return service.letters.partners(account, before, most).addCallback(told)


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
        try:
            key = name_key(self._name)
        except BadName:
            raise NoSuchPerson(NO_SUCH) from None

        def found(record: Record) -> Deferred[Conversation]:
            if record.value is None:
                raise NoSuchPerson(NO_SUCH)
            talk = service.letters.conversation(account, key, record.value.name)
            return service.letters.complete(talk).addCallback(lambda _: talk)

        return service.accounts.find(key).addCallback(found)

    def _query(self, request: Request, owner: Owner, loaded: Any) -> ReadQuery:
        """See `EventsResource._query`."""
        return read_query(request, self._access.service, (), owner, several=False, talk=loaded)


class PrivateResource(CommandResource):
    """`/people/{name}/messages`."""

    def render_POST(self, request: Request) -> Deferred[bytes]:
        """Send a private message; answered when it has its id."""
        command = Tell(self._name, read_body(request, TextForm).text)
        performed = maybeDeferred(self.perform, request, command, 201)
        return performed.addErrback(_for_programs)


def _for_programs(failure: Failure) -> NoReturn:
    failure.trap(ChatError)
    assert isinstance(failure.value, ChatError)
    raise for_programs(failure.value)


OF_PERSON: dict[bytes, Callable[[Access, Polls, str], IResource]] = {
    b"messages": lambda access, _, name: PrivateResource(access, name),
    b"events": ConversationResource,
}
"""What is below `/people/{name}`; a new resource is one line."""
