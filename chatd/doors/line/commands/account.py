"""Commands about the account: registration, signing in and out, the password.

Refusals of a password are outcomes of a Deferred (`maybeDeferred`), never exceptions of the line:
a line that raises `RateLimited` is carried out again later, but the answer to a password prompt is
no command.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred

from ....chat.accounts import Proof
from ....chat.sessions import Session
from ....codecs.commandlines import (
    first_word,
    name_and_secret,
    nothing,
    secret,
    secret_and_invite,
)
from ....model.errors import BadName, Insecure, Malformed, NoSession
from ..client import LineClient
from ..missed import tell_missed
from ..onlooker import come_in, is_onlooker
from .row import Kind, command

PROMPT = "password: "
LABEL = "line"
"""The label of this door's sessions in the list of an account's sessions."""


def _check_private(client: LineClient) -> None:
    if not (client.wire.private or client.service.sign_in.rules.plain_passwords):
        raise Insecure(
            "over this connection others may read a password, so none is taken; sign in on the "
            "page over https, or ask the operator for --plain-passwords or a TLS port"
        )


def _need_password(client: LineClient, form: str, password: str, then: Any) -> None:
    """Call `then` with the password; if it is empty, ask a telnet client for it first."""
    _check_private(client)
    if password:
        then(password)
    elif not client.prompt(PROMPT, then):
        raise Malformed(f"the password is missing; type {form}")


@command(
    "/register PASSWORD",
    "make your name an account's, which nobody else can take",
    secret_and_invite,
    kind=Kind.CHANGE,
)
def register(client: LineClient, secret: str, code: str) -> None:
    """The person stays who it is, in the same rooms.  An invite may stand behind the password: its
    link, or `#invite=CODE`.  Somebody without a name gives that before the password.
    """
    person = client.person
    if is_onlooker(person):
        _register_onlooker(client, *first_word(secret), code)
        return
    if person.account is not None:
        raise BadName(f"{person.name} is registered already, and you are signed in")
    if not person.named:
        raise BadName("choose a name first: /nick NAME, then /register PASSWORD")

    def go_on(password: str) -> None:
        service, session = client.service, client.session
        made = maybeDeferred(
            service.sign_in.register,
            person.name,
            password,
            session.address,
            person,
            invite=code or None,
        )

        def registered(proof: Proof) -> Deferred[Session]:
            return service.signed_in.attach(proof, session, LABEL)

        client.change(made.addCallback(registered), told)

    def told(_: object) -> None:
        client.follow()
        client.answer(f"{person.name} is registered, and you are signed in")

    _need_password(client, "/register PASSWORD", secret, go_on)


def _register_onlooker(client: LineClient, name: str, password: str, code: str) -> None:
    """Make an account for somebody who has no name yet, and sign in to it."""
    if not name:
        raise Malformed("the name is missing; type /register NAME PASSWORD")

    def go_on(password: str) -> None:
        sign_in, address = client.service.sign_in, client.session.address
        made = maybeDeferred(sign_in.register, name, password, address, invite=code or None)
        client.change(made.addCallback(_sign_in, client), lambda _: None)

    _need_password(client, "/register NAME PASSWORD", password, go_on)


@command("/login NAME PASSWORD", "sign in to your account", name_and_secret, kind=Kind.CHANGE)
def login(client: LineClient, name: str, password: str) -> None:
    """The guest leaves; the client becomes the account's person, in the account's rooms."""

    def go_on(password: str) -> None:
        sign_in, address = client.service.sign_in, client.session.address
        proving = maybeDeferred(sign_in.prove, name, password, address)
        client.change(proving.addCallback(_sign_in, client), lambda _: None)

    _need_password(client, "/login NAME PASSWORD", password, go_on)


def _sign_in(proof: Proof, client: LineClient) -> Deferred[None]:
    """Make the client the account's person, and tell what came while that was away."""
    service, address = client.service, client.session.address

    def connect(reached: int) -> Deferred[None]:
        connecting = service.signed_in.connect(proof, address, LABEL)
        return connecting.addCallback(become, reached)

    def become(session: Session, reached: int) -> Deferred[None]:
        until = service.horizon
        return client.become(session).addCallback(told, reached, until)

    def told(_: object, reached: int, until: int) -> Deferred[None]:
        client.answer(f"you are signed in as {client.person.name}")
        if client.reader.room is not None:
            client.write(client.where(client.reader.room))
        return tell_missed(client, reached, until)

    # Asked before the account is here: from then on messages reach it.
    return service.letters.reached(proof.record.key).addCallback(connect)


@command("/password NEW", "take another password; all other sessions end", secret, kind=Kind.CHANGE)
def password(client: LineClient, new: str) -> None:
    """This connection goes on."""
    client.need_person()
    credential, record = client.session.credential, client.session.record
    if record is None or credential is None:
        raise NoSession("you are not signed in; /login NAME PASSWORD, or /register PASSWORD")

    def go_on(new: str) -> None:
        account = record.value
        proof = Proof(record, account.epoch if account else -1)
        changing = maybeDeferred(client.service.sign_in.change_password, proof, new, client.session)
        client.change(changing, told)

    def told(_: object) -> None:
        client.answer("your password is another one now, and all other sessions are over")

    _need_password(client, "/password NEW", new, go_on)


@command("/logout", "sign out, and go on as a guest", nothing, kind=Kind.CHANGE)
def logout(client: LineClient) -> None:
    """The account's other sessions go on."""
    if client.session.record is None:
        raise NoSession("you are not signed in")
    address = client.session.address

    def entered(session: Session) -> Deferred[None]:
        return client.become(session).addCallback(told)

    def told(_: object) -> None:
        name = client.person.name
        client.answer(f"you are signed out, and {name}" if name else "you are signed out")

    client.change(come_in(client.service, address), entered)
