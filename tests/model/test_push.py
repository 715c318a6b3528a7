"""Push subscriptions, and what a notification says."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.model.bounds import MAX_NAME, MAX_ROOM
from chatd.model.errors import BadName, BadRoom, ChatError, Malformed
from chatd.model.push import (
    MOST_LEVELS,
    PADDED,
    SHOWN,
    Notice,
    Subscription,
    clean_endpoint,
    clean_key,
    clean_places,
    padded,
)

GOOD = (
    "https://fcm.googleapis.com/fcm/send/abc:def",
    "https://updates.push.services.mozilla.com/wpush/v2/gAAAA",
    "https://web.push.apple.com:443/QGuQyavXutnMH",
    "https://wns2-par02p.notify.windows.com/w/?token=BQYAAAD%2b",
    "HTTPS://Push.Example.Org/x",
    "https://xn--bcher-kva.example/x",
)
BAD = (
    "",
    "http://push.example.org/x",
    "ftp://push.example.org/x",
    "//push.example.org/x",
    "push.example.org/x",
    "https:push.example.org/x",
    "https:///x",
    "https://",
    "https://push.example.org:8443/x",
    "https://push.example.org:80/x",
    "https://push.example.org:/x",
    "https://push.example.org:99999/x",
    "https://push.example.org:x/x",
    "https://user@push.example.org/x",
    "https://user:word@push.example.org/x",
    "https://@push.example.org/x",
    "https://push.example.org/x#y",
    "https://localhost/x",
    "https://push/x",
    "https://127.0.0.1/x",
    "https://8.8.8.8/x",
    "https://127.1/x",
    "https://2130706433/x",
    "https://0x7f000001/x",
    "https://0x7f.0.0.0x1/x",
    "https://0177.0.0.1/x",
    "https://[::1]/x",
    "https://[::ffff:127.0.0.1]/x",
    "https://[fe80::1%25eth0]/x",
    "https://push.example.org./x",
    "https://push..example.org/x",
    "https://-push.example.org/x",
    "https://push.example.org\\@evil.example/x",
    "https://push.exam ple.org/x",
    "https://push.example.org/x\r\nHost: y",
    "https://push.example.org/\x00",
    "https://a_b.example.org/x",
    "https://_a.example.org/x",
    "https://ab--cd.example.org/x",
    "https://xn--a.example.org/x",
    "https://xn---bbk.example.org/x",
    "https://xn--ls8h.example.org/x",
    "https://example.xn--0/x",
    "https://büch.example/x",
    "https://ⓔxample.org/x",
    f"https://{'a' * 64}.example/x",
    f"https://{'a.' * 130}example/x",
    f"https://push.example.org/{'x' * 2000}",
)


@pytest.mark.parametrize("url", GOOD)
def test_an_address_at_a_push_service_is_taken_as_it_is(url: str) -> None:
    """Those of the browsers in use."""
    assert clean_endpoint(url) == url


@pytest.mark.parametrize("url", BAD)
def test_an_address_that_is_not_https_at_a_named_host_is_refused(url: str) -> None:
    """The server sends requests to it: no other scheme or port, no IP address in any spelling."""
    with pytest.raises(Malformed, match="endpoint"):
        clean_endpoint(url)


@given(st.ip_addresses(), st.sampled_from(["", ":443"]))
def test_no_ip_address_is_taken_for_a_host(ip: IPv4Address | IPv6Address, port: str) -> None:
    """However it is written."""
    host = f"[{ip}]" if ip.version == 6 else str(ip)
    for spelt in (host, str(int(ip)), hex(int(ip))):
        with pytest.raises(Malformed):
            clean_endpoint(f"https://{spelt}{port}/x")


@given(st.text(st.sampled_from("ht:ps/@.#?[]%\\ 01x-_a\n"), max_size=30))
def test_whatever_is_taken_names_a_host_at_port_443(rest: str) -> None:
    """And no user, no fragment, and no IP address."""
    try:
        url = clean_endpoint(f"https://{rest}")
    except ChatError:
        return
    parts = urlsplit(url)
    assert (parts.scheme, parts.port or 443) == ("https", 443)
    assert parts.username is None
    assert not parts.fragment
    with pytest.raises(ValueError, match="does not appear"):
        ip_address(parts.hostname or "")


@pytest.mark.parametrize("text", ["", "a", "aGVsbG8", "aGVsbG8=" * 4, "a+b/" * 5 + "aa", "é" * 22])
def test_a_key_of_another_size_or_spelling_is_refused(text: str) -> None:
    """16 bytes are 22 characters of base64 for URLs."""
    with pytest.raises(Malformed, match="auth has to be 16 bytes"):
        clean_key(text, 16, "auth")


def test_a_key_is_taken_with_padding_and_without() -> None:
    """Browsers write none; some libraries do."""
    assert clean_key("AAECAwQFBgcICQoLDA0ODw", 16, "auth") == bytes(range(16))
    assert clean_key("AAECAwQFBgcICQoLDA0ODw==", 16, "auth") == bytes(range(16))


def test_places_are_rooms_and_names_each_once() -> None:
    """In their canonical form, under which messages come."""
    assert clean_places("Dev,#ops,dev,@Ada,", "all") == ("dev", "ops", "@ada")
    assert clean_places("", "all") == ()


def test_bad_places_are_refused() -> None:
    """And more than there may be."""
    with pytest.raises(BadRoom):
        clean_places("de v", "all")
    with pytest.raises(BadName):
        clean_places("@a b", "all")
    with pytest.raises(Malformed, match="none has at most 300"):
        clean_places(",".join(f"r{n}" for n in range(MOST_LEVELS + 1)), "none")


def test_a_subscription_wants_by_default_what_calls_its_user() -> None:
    """Per place: everything, or nothing."""
    one = Subscription("ada", "", "", "", 1, all=("dev",), none=("ops", "@eve"))
    assert [one.wants("lobby", kind) for kind in ("message", "mention")] == [False, True]
    assert [one.wants("dev", kind) for kind in ("message", "mention")] == [True, True]
    assert [one.wants("ops", kind) for kind in ("message", "mention")] == [False, False]
    assert [one.wants(place, "private") for place in ("@bob", "@eve")] == [True, False]


@given(st.text('\x00\t\n"\\é美😀', max_size=SHOWN), st.integers(1, 10**18))
def test_every_notification_has_the_same_size(text: str, id: int) -> None:
    """So that a push service does not learn how long a text or a name is."""
    for room, name in (("a", "b"), ("😀" * MAX_ROOM, "美" * MAX_NAME)):
        clean = "".join(char for char in text if char >= " " or char in "\t\n")
        payload = padded(Notice(room, name, "mention", id, 1000, clean))
        assert len(payload) == PADDED
