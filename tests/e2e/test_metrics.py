"""`/metrics` of a server process."""

from __future__ import annotations

import re
import socket
import urllib.request
from pathlib import Path
from time import monotonic

from ..kit.processes import PATIENCE, Daemon


def test_metrics_of_a_process_count_its_connections(tmp_path: Path) -> None:
    """By door, and the process measures the lag of its event loop."""
    daemon = Daemon(tmp_path, "--store", "memory:", "--admin", "tcp:0:interface=127.0.0.1")
    try:
        port = daemon.expect(r"admin door listening on 127\.0\.0\.1:(\d+)")[1]

        def value(name: str) -> float:
            page = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
            found = re.search(rf"^{re.escape(name)} (.+)$", page, re.M)
            assert found, page
            return float(found[1])

        def expect(name: str, least: float) -> None:
            deadline = monotonic() + PATIENCE
            while value(name) < least:
                assert monotonic() < deadline, name

        with (
            socket.create_connection(("127.0.0.1", daemon.line)),
            socket.create_connection(("127.0.0.1", daemon.line)),
        ):
            expect('chatd_connections{door="line"}', 2)
            assert value('chatd_connections{door="line"}') == 2
            assert value('chatd_connections{door="http"}') == 0
            assert value('chatd_connections{door="admin"}') >= 1
            expect("chatd_event_loop_lag_seconds_count", 1)
            assert 10e6 < value("process_resident_memory_bytes") < 1e9
            assert value("chatd_connections_limit") > 2
    finally:
        daemon.kill()
