"""Checks whether a Redis server, and the chat's data there, are suitable for this chatd."""

from __future__ import annotations


class NotNow(Exception):
    """The server cannot serve yet, or not any more."""


class Unfit(Exception):
    """The server cannot be used with its version, configuration or data."""


FORMAT = 1
"""The version of the chat's data: its keys, cells, events and batches.

A node uses only data of this version, so nodes of two versions never work on the same data.  Raise
it if an earlier chatd would misread the data, or would drop a part of a value when it writes that
value anew: a new field of a cell, for example.  The chatd that raises it has to upgrade earlier
data while no other node is connected.
"""
OLDEST = 7
"""The oldest major release of Redis with the features that the scripts need; every release of
Valkey has them."""


def look(info: bytes) -> dict[str, str]:
    """The fields in the answer to `INFO`."""
    lines = info.decode(errors="replace").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def examine(info: bytes) -> str:
    """Check a server; returns the id of its process.

    Raises `NotNow` if it may serve later, `Unfit` if it cannot be used as it is configured.
    """
    told = look(info)
    if told.get("loading") == "1":
        raise NotNow("Redis is loading its data")
    if told.get("cluster_enabled") == "1":
        raise Unfit(
            "this is a Redis Cluster, whose servers hand keys to each other; chatd needs one"
            " server, or a master with sentinels (redis+sentinel://)"
        )
    if told.get("role", "master") != "master":
        master = f"{told.get('master_host', 'another')}:{told.get('master_port', '')}".rstrip(":")
        raise NotNow(
            f"this Redis is a replica of {master}, which takes no writes; name that server, or the"
            " sentinels"
        )
    version = told.get("redis_version", "0")
    if "valkey_version" not in told and int(version.partition(".")[0]) < OLDEST:
        raise Unfit(f"Redis {version} is too old; chatd needs Redis {OLDEST} or later, or Valkey")
    policy = told.get("maxmemory_policy", "noeviction")
    if policy.startswith("allkeys"):
        raise Unfit(
            f"Redis may forget anything when memory is short (maxmemory-policy {policy});"
            " set it to noeviction"
        )
    return told.get("run_id", "")


def unknown(format: str) -> Unfit:
    """The refusal of data that has another format than `FORMAT`."""
    if format.isdecimal() and int(format) > FORMAT:
        return Unfit(
            f"a later chatd wrote the chat's data, in version {format}; this one knows version"
            f" {FORMAT}: install that chatd again, or restore a copy of the data"
        )
    return Unfit(
        f"the chat's data is in version {format!r}, and this chatd knows version {FORMAT}: install"
        " the chatd that wrote it, or restore a copy of the data"
    )


def keeping(info: bytes) -> str:
    """A sentence for the log about the durability of acknowledged messages."""
    told = look(info)
    if told.get("aof_enabled") == "1":
        return "Redis keeps a log of writes (appendonly): history survives its restart"
    return (
        "Redis keeps no log of writes: its restart or crash loses what came after the last"
        " snapshot, all of it if there is none; turn on appendonly"
    )
