"""Which servers may be used."""

from __future__ import annotations

import pytest

from chatd.store.redis.server import NotNow, Unfit, examine, keeping

INFO = b"""# Server\r
redis_version:7.0.15\r
run_id:abc\r
role:master\r
loading:0\r
maxmemory_policy:noeviction\r
aof_enabled:1\r
"""


def test_a_server_that_may_be_used_tells_its_process() -> None:
    """By which a restart is noticed."""
    assert examine(INFO) == "abc"
    assert "survives" in keeping(INFO)


@pytest.mark.parametrize("policy", [b"allkeys-lru", b"allkeys-lfu", b"allkeys-random"])
def test_a_server_that_forgets_when_memory_is_short_is_refused(policy: bytes) -> None:
    """It would take names and history away; the line says what to set."""
    with pytest.raises(Unfit, match="set it to noeviction"):
        examine(INFO.replace(b"noeviction", policy))


def test_a_policy_that_forgets_only_what_expires_is_harmless() -> None:
    """Nothing of a chat's does."""
    assert examine(INFO.replace(b"noeviction", b"volatile-lru")) == "abc"


def test_a_server_that_is_too_old_is_refused() -> None:
    """Unless it is Valkey, which counts on."""
    with pytest.raises(Unfit, match="too old"):
        examine(INFO.replace(b"7.0.15", b"6.2.1"))
    assert examine(INFO.replace(b"7.0.15", b"6.2.1") + b"valkey_version:8.0.0\r\n") == "abc"


@pytest.mark.parametrize("line", [b"role:slave", b"loading:1"])
def test_a_server_that_cannot_serve_yet_is_waited_for(line: bytes) -> None:
    """A replica may be promoted, and data be loaded."""
    with pytest.raises(NotNow):
        examine(INFO.replace(b"role:master" if b"role" in line else b"loading:0", line))


def test_a_replica_names_its_master() -> None:
    """Which is the server to name in `--store`."""
    replica = b"role:slave\r\nmaster_host:db.example\r\nmaster_port:6379"
    with pytest.raises(NotNow, match=r"replica of db\.example:6379, which takes no writes"):
        examine(INFO.replace(b"role:master", replica))


@pytest.mark.parametrize("role", [b"master", b"slave"])
def test_a_cluster_is_refused(role: bytes) -> None:
    """At the start, and not when a slot moves to another server."""
    with pytest.raises(Unfit, match=r"Redis Cluster.*needs one server"):
        examine(INFO.replace(b"role:master", b"role:" + role) + b"cluster_enabled:1\r\n")


def test_a_server_that_keeps_nothing_is_told_of() -> None:
    """In the log, at the start."""
    assert "turn on appendonly" in keeping(INFO.replace(b"aof_enabled:1", b"aof_enabled:0"))
