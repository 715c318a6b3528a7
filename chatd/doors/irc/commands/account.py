"""Accounts on IRC: SASL, PASS, REGISTER, OPER."""

from __future__ import annotations

from twisted.internet.defer import Deferred, maybeDeferred

from ....chat.accounts import Proof
from ....chat.sessions import Session
from ....codecs.irc import numerics
from ....codecs.irc.message import form
from ....codecs.irc.signin import (
    MECHANISMS,
    Credentials,
    Failed,
    PlainExchange,
    TooLong,
    from_pass,
)
from ....model.errors import ChatError, NoSuchPerson, NotAllowed
from ....model.names import name_key
from ..client import IrcClient
from ..request import Request
from .row import Kind, command

LABEL = "irc"
"""The label of this door's sessions in the list of an account's sessions."""


def _prove(client: IrcClient, given: Credentials) -> Deferred[Proof]:
    sign_in = client.service.sign_in
    return client.door.ready().addCallback(
        lambda _: sign_in.prove(given.name, given.password, client.link.address, lobby=False)
    )


# -- SASL ----------------------------------------------------------------------------------------


@command("AUTHENTICATE", "PLAIN|base64|*", "sign in", least=1, early=True, kind=Kind.CHANGE)
def authenticate(request: Request) -> None:
    """SASL, before registration only: see https://ircv3.net/specs/extensions/sasl-3.1."""
    client, word = request.client, request.param(0)
    applicant = client.applicant
    if applicant is None:
        request.numeric(numerics.ALREADYREGISTERED)
        return
    if not client.link.secure or not client.may("sasl"):
        request.numeric(numerics.SASLFAIL, "ask for the capability sasl first, over TLS")
        return
    exchange = applicant.exchange
    if word == "*":
        applicant.exchange = None
        request.numeric(numerics.SASLABORTED)
    elif exchange is None:
        if applicant.proof is not None:
            request.numeric(numerics.SASLALREADY)
        elif word.upper() in MECHANISMS:
            applicant.exchange = PlainExchange()
            request.line(form("AUTHENTICATE", "+"))
        else:
            request.numeric(numerics.SASLMECHS, ",".join(MECHANISMS))
            request.numeric(numerics.SASLFAIL, "there is no such way to sign in")
    else:
        _go_on(request, exchange, word)


def _go_on(request: Request, exchange: PlainExchange, word: str) -> None:
    client = request.client
    applicant = client.applicant
    assert applicant is not None
    try:
        given = exchange.feed(word)
    except TooLong:
        applicant.exchange = None
        request.numeric(numerics.SASLTOOLONG)
        return
    except Failed:
        applicant.exchange = None
        request.numeric(numerics.SASLFAIL, "that is no name with a password")
        return
    if given is None:
        return
    applicant.exchange = None

    def signed_in(proof: Proof) -> None:
        if client.applicant is None:
            return
        client.applicant.proof = proof
        tell_signed_in(request, proof)
        request.numeric(numerics.SASLSUCCESS)

    def refused(error: ChatError) -> None:
        request.numeric(numerics.SASLFAIL, error.message)

    request.wait_for(_prove(client, given), signed_in, refuse=refused)


def tell_signed_in(request: Request, proof: Proof) -> None:
    """Send the numerics that name the account to which a client is signed in."""
    client = request.client
    name = proof.account.name
    host = client.service.cards.host_of_account(name_key(name))
    request.numeric(
        numerics.LOGGEDIN, f"{name}!account@{host}", name, f"you are signed in as {name}"
    )


# -- PASS ----------------------------------------------------------------------------------------


@command(
    "PASS", ":name:password", "sign in, before NICK and USER", least=1, early=True, kind=Kind.CHANGE
)
def pass_(request: Request) -> None:
    """Sign in; another form of PASS, a password for the whole server, is ignored."""
    client = request.client
    if client.applicant is None:
        request.numeric(numerics.ALREADYREGISTERED)
        return
    given = from_pass(" ".join(request.params))
    if given is None:
        return
    if not client.link.secure:
        request.numeric(numerics.PASSWDMISMATCH, "passwords are taken over TLS only")
        client.end("passwords are taken over TLS only")
        return

    def signed_in(proof: Proof) -> None:
        if client.applicant is not None:
            client.applicant.proof = proof

    def refused(error: ChatError) -> None:
        request.numeric(numerics.PASSWDMISMATCH, error.message)
        client.end(error.message)

    request.wait_for(_prove(client, given), signed_in, refuse=refused)


# -- REGISTER ------------------------------------------------------------------------------------


@command(
    "REGISTER", "* * password", "make your name an account's", least=3, early=True, kind=Kind.CHANGE
)
def register(request: Request) -> None:
    """Register an account: see https://ircv3.net/specs/extensions/account-registration."""
    client, account = request.client, request.param(0)
    if client.applicant is not None:
        request.fail(
            "COMPLETE_CONNECTION_REQUIRED", account, text="finish NICK and USER before that"
        )
        return
    person, session = request.person, client.session
    assert session is not None
    if account not in ("*", person.name):
        request.fail(
            "ACCOUNT_NAME_MUST_BE_NICK", account, text="an account has the name that you hold"
        )
        return
    if not client.link.secure:
        request.fail("TEMPORARILY_UNAVAILABLE", account, text="passwords are taken over TLS only")
        return
    if person.account is not None:
        request.fail("ALREADY_AUTHENTICATED", account, text="you are signed in")
        return
    before = client.source()

    def attach(proof: Proof) -> Deferred[tuple[Proof, Session]]:
        attached = client.service.signed_in.attach(proof, session, LABEL)
        return attached.addCallback(lambda joined: (proof, joined))

    def registered(found: tuple[Proof, Session]) -> None:
        proof, client.session = found
        request.form("REGISTER", "SUCCESS", person.name, text="your name is an account's now")
        tell_signed_in(request, proof)
        if person.rooms and client.reader is not None:
            client.reader.subscriber.wake()  # it is told there, as to others
            return
        if client.may("account-notify"):
            request.line(form("ACCOUNT", person.name, source=before))
        if client.may("chghost"):
            who = client.door.who(person.name)
            request.line(form("CHGHOST", who.user, who.host, source=before))

    def refused(error: ChatError) -> None:
        codes = {"bad-password": "WEAK_PASSWORD", "name-registered": "ACCOUNT_EXISTS"}
        code = codes.get(error.code, "TEMPORARILY_UNAVAILABLE")
        request.fail(code, account, text=error.message)

    made = maybeDeferred(
        client.service.sign_in.register,
        person.name,
        request.param(2),
        client.link.address,
        person,
    )
    request.wait_for(made.addCallback(attach), registered, refuse=refused)


# -- OPER ----------------------------------------------------------------------------------------


@command("OPER", "name password", "act as an administrator", least=2, kind=Kind.CHANGE)
def oper(request: Request) -> None:
    """Give this connection an administrator's rights; its changes are then made, and shown, as that
    administrator's.
    """
    client = request.client
    if not client.link.secure:
        request.numeric(numerics.PASSWDMISMATCH, "passwords are taken over TLS only")
        return

    def proved(proof: Proof) -> None:
        try:
            client.deputy = client.service.signed_in.deputy(proof, client.link.address)
        except NotAllowed as error:
            request.numeric(numerics.NOOPERHOST, error.message)
            return
        client.door.deputies.add(client)
        request.numeric(numerics.YOUREOPER)
        request.line(form("MODE", client.nick, "+o", source=client.source()))

    def refused(error: ChatError) -> None:
        request.numeric(numerics.PASSWDMISMATCH, error.message)

    given = Credentials(request.param(0), request.param(1))
    request.wait_for(_prove(client, given), proved, refuse=refused)


@command("WALLOPS", ":text", "tell all who want to hear", least=1, kind=Kind.CHANGE)
def wallops(request: Request) -> None:
    """Send a text of an administrator to all clients with the mode `w`."""
    client = request.client
    if not client.operator:
        request.numeric(numerics.NOPRIVILEGES, "that is for administrators")
        return
    line = form("WALLOPS", text=request.param(0), source=client.source())
    for other in client.door.clients:
        if isinstance(other, IrcClient) and other.wallops:
            other.write([line])


@command("KILL", "name [:text]", "end all sessions of somebody", least=1, kind=Kind.CHANGE)
def kill(request: Request) -> None:
    """End a person's sessions, after OPER; the person may come back."""
    client, name = request.client, request.param(0)
    if client.deputy is None:
        request.numeric(numerics.NOPRIVILEGES, "that is for administrators")
        return

    def refused(error: ChatError) -> None:
        if isinstance(error, NoSuchPerson):
            request.numeric(numerics.NOSUCHNICK, name)
        elif isinstance(error, NotAllowed):
            request.numeric(numerics.NOPRIVILEGES, error.message)
        else:
            request.refuse(error)

    outcome = maybeDeferred(client.service.kill, client.deputy, name, request.param(1))
    request.wait_for(outcome, refuse=refused)
