"""Whether a server is one that a chat may be trusted to."""

from __future__ import annotations


class NotNow(Exception):
    """The server cannot serve yet, or not any more."""


class Unfit(Exception):
    """The server may not be used as it is set up."""


OLDEST = 7
"""The oldest major release of Redis that has what the scripts need; Valkey has it from its first
release on."""


def look(info: bytes) -> dict[str, str]:
    """What `INFO` tells."""
    lines = info.decode(errors="replace").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def examine(info: bytes) -> str:
    """Look at a server; answers the id of its process.

    Raises `NotNow` if it may serve later, `Unfit` if not as it is set up.
    """
    told = look(info)
    if told.get("loading") == "1":
        raise NotNow("Redis is loading its data")
    if told.get("role", "master") != "master":
        raise NotNow("this Redis is a replica, which takes no writes")
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


def keeping(info: bytes) -> str:
    """What an acknowledged message survives, in a sentence for the log."""
    told = look(info)
    if told.get("aof_enabled") == "1":
        return "Redis keeps a log of writes (appendonly): history survives its restart"
    return (
        "Redis keeps no log of writes: its restart or crash loses what came after the last"
        " snapshot, all of it if there is none; turn on appendonly"
    )
