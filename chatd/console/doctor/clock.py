"""The examination of the server's clock, of which ids and times are made."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPException
from typing import Any

from .asking import Address, ask
from .findings import Finding, not_examined

AGREEING_SECONDS = 2.0
"""Seconds by which two clocks may differ that are kept right, the time of an answer aside."""
WHAT = "clock"


def examine_clock(address: Address, now: Callable[[], float] = time.time) -> Finding:
    """Whether the server's clock is right: beside this machine's, beside that of the store, if
    several nodes share one, and whether anything (NTP) keeps it right.

    Of several nodes, it is the clock of the one that answers.  `now` is this machine's wall clock,
    in seconds since the Unix epoch.
    """
    asked = now()
    try:
        with closing(ask(address, "/about")) as exchange:
            told = json.loads(exchange.answer.read(65536))
        answered = now()
        clock = told["clock"]
        server, kept, ahead = clock["now"] / 1_000_000, clock["kept"], clock["store"]
        return judge(server - (asked + answered) / 2, (answered - asked) / 2, kept, ahead)
    except (OSError, HTTPException) as problem:
        return not_examined(WHAT, getattr(problem, "strerror", None) or str(problem))
    except (ValueError, KeyError, TypeError):
        return not_examined(WHAT, "the server does not tell its time")


def judge(beside: float, doubt: float, kept: Any, store: float) -> Finding:
    """The finding of a clock that is `beside` seconds ahead of this machine's, give or take `doubt`
    seconds, and `store` seconds behind the store's; `kept`: whether anything keeps it right, None
    if that is not known.
    """
    if store:
        return Finding(WHAT, f"it is {_ahead(-store)} that of Redis, by which ids are made", WHAT)
    if abs(beside) > AGREEING_SECONDS + doubt:
        text = f"it is {_ahead(beside)} this machine's"
        if kept:
            return Finding(WHAT, f"{text}, but it is kept right: this machine's is wrong")
        return Finding(WHAT, text if kept is None else f"{text}, and nothing keeps it right", WHAT)
    if kept is False:
        text = "it agrees with this machine's, but nothing (NTP) keeps it right: it will drift"
        return Finding(WHAT, text, examined=False)
    text = "it agrees with this machine's"
    return Finding(WHAT, f"{text}, and is kept right" if kept else text)


def _ahead(seconds: float) -> str:
    return f"{abs(seconds):.0f} seconds {'ahead of' if seconds > 0 else 'behind'}"
