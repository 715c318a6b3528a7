"""Values that a node reads, changes and writes anew have the fields of one version of the data.

An earlier chatd would drop a field that it does not know: an account's at the next sign-in.  So
whoever adds a field raises `FORMAT` of Redis' data and adds a migration to SQLite's, an empty one
if nothing is to be converted.  Then an earlier chatd refuses the data, and this test is changed.
"""

from __future__ import annotations

import msgspec

from chatd.chat.attempts import Level
from chatd.model.account import Account, AccountSession, GuestSession
from chatd.model.identity import Holder
from chatd.model.push import Subscription
from chatd.model.restrictions import Restriction
from chatd.model.rights import Grant, Invite
from chatd.model.roomstate import RoomState
from chatd.store.database import MIGRATIONS
from chatd.store.redis.server import FORMAT

IN_REDIS, IN_SQLITE = 1, 5
"""The versions of the data since which the fields are these."""
FIELDS: dict[type[msgspec.Struct], str] = {
    Account: "name password admin created deleted epoch",
    AccountSession: "account id created epoch label address brief start",
    Grant: "name role founder",
    GuestSession: "id name named rooms address owner",
    Holder: "id name named account admin address kept user realname bot away visible",
    Invite: "hash until uses by",
    Level: "taken at",
    Restriction: "name who key address network by since until text",
    RoomState: "topic access posting topic_by listed outside slow owners borrowed guarded",
    Subscription: "account endpoint p256dh auth created all none",
}


def test_a_stored_value_gets_a_field_only_with_another_version_of_the_data() -> None:
    """So no chatd meets a field that it would drop."""
    assert {struct: " ".join(struct.__struct_fields__) for struct in FIELDS} == FIELDS
    assert FORMAT >= IN_REDIS
    assert len(MIGRATIONS) >= IN_SQLITE
