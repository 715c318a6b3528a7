"""The bodies of requests."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ...model.bounds import Code, Label, Name, Password, SomePassword, Text
from ...model.identity import Scope


class Form(msgspec.Struct, forbid_unknown_fields=True):
    """A request's body: a misspelt field is told, not ignored."""


class MessageForm(Form):
    """`POST /rooms/{room}/messages`."""

    text: Text
    type: Literal["message", "action"] = "message"


class TextForm(Form):
    """A topic, a private message."""

    text: Text


class PartingForm(Form):
    """A parting word."""

    text: Text = ""


class SessionForm(Form):
    """`POST /session`: of a guest, or with a password of an account."""

    name: Name = ""
    password: SomePassword = None
    claim: Code = None


class AccountForm(Form):
    """`POST /accounts`."""

    name: Name
    password: Password
    invite: Code = None
    claim: Code = None


class NewPasswordForm(Form):
    """`PATCH /account`."""

    current: Password
    password: Password


class DeletionForm(Form):
    """`DELETE /account`."""

    password: Password


class MarkerForm(Form):
    """`PUT /rooms/{room}/marker`."""

    id: Annotated[int, msgspec.Meta(ge=0, le=10**18)]


class TokenForm(Form):
    """`POST /account/tokens`."""

    label: Label
    scope: Scope = "write"
    expires: int | None = None
    """Seconds; without it, never."""


class NameForm(Form):
    """`PATCH /session`."""

    name: Annotated[Name, msgspec.Meta(min_length=1)]
