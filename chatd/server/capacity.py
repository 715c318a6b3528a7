"""How many connections the process may hold, by the settings and by the limit of open files."""

from __future__ import annotations

from ..net.connections import MOST_CONNECTIONS
from ..net.descriptors import RESERVE, for_connections, raise_limit
from .settings import Settings


def most_connections(settings: Settings) -> int:
    """The configured limit of connections, or as many as files may be open, less a reserve.  Raises
    the process's limit of open files as far as it can.

    Raises `ValueError` if more connections are configured than files may be open.
    """
    limit = raise_limit()
    possible = for_connections(limit)
    most = settings.max_connections or min(possible, MOST_CONNECTIONS)
    if most > possible:
        raise ValueError(
            f"--max-connections {most} needs a limit of {most + RESERVE} open files, "
            f"and it is {limit}; raise it (ulimit -n, LimitNOFILE=)"
        )
    return most
