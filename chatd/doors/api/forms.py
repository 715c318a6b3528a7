"""The fields of requests' bodies."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ...model.bounds import (
    Code,
    Endpoint,
    Label,
    Name,
    PageId,
    Password,
    Places,
    PushKey,
    RoomName,
    SomePassword,
    Text,
)
from ...model.identity import Scope


class Form(msgspec.Struct, forbid_unknown_fields=True):
    """The fields of a request's body; an unknown field is an error."""


class MessageForm(Form):
    """`POST /rooms/{room}/messages`."""

    text: Text
    type: Literal["message", "action"] = "message"


class TextForm(Form):
    """`PUT /rooms/{room}/topic`, `POST /people/{name}/messages`."""

    text: Text


class PartingForm(Form):
    """`DELETE /rooms/{room}/membership`."""

    text: Text = ""


class SessionForm(Form):
    """`POST /session`: a guest's session, or with a password an account's."""

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


class PushForm(Form):
    """`PUT /push`: a subscription, and of which places it wants all or nothing; None: as before."""

    endpoint: Endpoint
    p256dh: PushKey
    auth: PushKey
    all: Places = None
    none: Places = None


class ViewForm(Form):
    """`PUT /push/view`: whether a page is in view; `page` tells pages of one session apart."""

    here: bool
    page: PageId = ""


class TokenForm(Form):
    """`POST /account/tokens`."""

    label: Label
    scope: Scope = "write"
    expires: int | None = None
    """Seconds after which the token ends; None: never."""


class SettingsForm(Form):
    """`PATCH /rooms/{room}`; None: the setting does not change."""

    access: Literal["open", "members"] | None = None
    posting: Literal["everyone", "accounts", "voices"] | None = None
    topic: Literal["everyone", "ops"] | None = None
    listed: bool | None = None
    outside: bool | None = None
    slow: int | None = None


class RoleForm(Form):
    """`PUT /rooms/{room}/roles/{name}`."""

    role: Literal["owner", "op", "voice"] | None


class ReasonForm(Form):
    """`DELETE /rooms/{room}/people/{name}`."""

    text: Text = ""


class BanForm(Form):
    """`PUT /rooms/{room}/bans/{who}` and `PUT /rooms/{room}/mutes/{name}`."""

    seconds: int | None = None
    text: Text = ""


class InviteForm(Form):
    """`POST /rooms/{room}/invites`."""

    seconds: int | None = None
    uses: int | None = None


class AdminInviteForm(Form):
    """`POST /admin/invites`."""

    room: RoomName = "lobby"
    seconds: int | None = None
    uses: int | None = None


class NewAccountForm(Form):
    """`POST /admin/accounts`."""

    name: Name
    password: Password
    admin: bool = False


class ChangedAccountForm(Form):
    """`PATCH /admin/accounts/{name}`: one of the two."""

    password: SomePassword = None
    admin: bool | None = None


class NameForm(Form):
    """`PATCH /session`."""

    name: Annotated[Name, msgspec.Meta(min_length=1)]
