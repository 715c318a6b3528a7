"""A short soak against a real server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 110
"""Seconds after which it will not end."""
PLAN = "--minutes 0.17 --clients 40 --restarts 2 --seed 2011"


def test_a_short_soak_over_a_sigterm_and_a_kill_finds_nothing() -> None:
    """Forty clients of every kind speak, pause, reset and reconnect: acknowledged messages are in
    the history, and every reader saw them in one order, once.
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
