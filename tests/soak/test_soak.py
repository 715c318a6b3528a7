"""A short soak against a real server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 110
"""Seconds after which it will not end."""
PLAN = "--minutes 0.17 --clients 40 --restarts 2 --seed 2011"


def test_forty_clients_for_ten_seconds_are_promised_nothing_in_vain() -> None:
    """Every kind of client comes, talks, naps, resets and comes back, over a SIGTERM and a kill -9:
    what was acknowledged is in the history, and every reader saw it in one order, each once.
    """
    soak = subprocess.run(
        [sys.executable, "-m", "soak", *PLAN.split()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert soak.returncode == 0, soak.stdout + soak.stderr
    assert soak.stdout.endswith("every promise was kept\n")
    table = [line.strip("| ").split(" | ") for line in soak.stdout.splitlines() if "|" in line]
    acknowledged = next(row[1] for row in table if row[0] == "acknowledged")
    assert int(acknowledged.replace(",", "")) > 100
