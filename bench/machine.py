"""Description of the machine that the benchmark runs on."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path


def machine() -> list[str]:
    """Two lines: processor, cores and load; system and Python."""
    cores = len(os.sched_getaffinity(0))
    busy = os.getloadavg()[0]
    return [
        f"{processor(Path('/proc/cpuinfo').read_text())}, {cores} cores, load {busy:.1f} before",
        f"{platform.system()} {platform.release()}, "
        f"{platform.python_implementation()} {platform.python_version()}",
    ]


def processor(cpuinfo: str) -> str:
    """The processor's name in /proc/cpuinfo; the architecture if it has none, as on ARM."""
    found = re.search(r"^model name\s*: *(.+)$", cpuinfo, re.MULTILINE)
    return found[1].strip() if found else platform.machine()
