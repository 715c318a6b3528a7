"""The bodies of requests."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ...model.bounds import Name, Text


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
    """`POST /session`."""

    name: Name = ""


class NameForm(Form):
    """`PATCH /session`."""

    name: Annotated[Name, msgspec.Meta(min_length=1)]
