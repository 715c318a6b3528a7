"""Accounts and sessions, as cells keep them."""

from __future__ import annotations

import pytest

from chatd.model.account import (
    MICROS_A_DAY,
    SESSION_DAYS,
    Account,
    AccountSession,
    GuestSession,
    PersonalToken,
    decode_account,
    decode_guest,
    decode_session,
    decode_token,
    encode,
    hash_of,
    is_over,
    is_valid,
)

LASTS = SESSION_DAYS * MICROS_A_DAY


def test_accounts_and_sessions_survive_encoding_and_decoding() -> None:
    """Fields that a later version adds are ignored."""
    account = Account("Ada", "hash", created=5)
    session = AccountSession("ada", "id", 5, label="curl")
    guest = GuestSession("id", "bob", rooms=("lobby",))
    token = PersonalToken("ada", "id", 5, scope="read")
    assert decode_account(encode(account)) == account
    assert decode_session(encode(session)) == session
    assert decode_guest(encode(guest)) == guest
    assert decode_token(encode(token)) == token
    assert decode_account(b'{"name":"Ada","later":1}') == Account("Ada")


def test_a_new_epoch_ends_all_earlier_sessions() -> None:
    """So does deleting the session's cell, or the account."""
    session = AccountSession("ada", "id", 5, epoch=1)
    assert is_valid(session, Account("Ada", epoch=1))
    assert not is_valid(session, Account("Ada", epoch=2))
    assert not is_valid(None, Account("Ada"))
    assert not is_valid(session, None)


@pytest.mark.parametrize(("used", "now", "over"), [
    (0, 5 + LASTS - 1, False), (0, 5 + LASTS, True), (9, 5 + LASTS, False), (9, 9 + LASTS, True),
])  # fmt: skip
def test_a_session_expires_thirty_days_after_its_last_use(used: int, now: int, over: bool) -> None:
    """Or after its start, if it was never used."""
    assert is_over(AccountSession("ada", "id", 5), used, now) is over


def test_only_the_hash_of_a_token_is_kept() -> None:
    """Whatever a client sends as a token."""
    assert len(hash_of("token")) == 64
    assert hash_of("token") != hash_of("tokem")
    assert len(hash_of("\ud800")) == 64
