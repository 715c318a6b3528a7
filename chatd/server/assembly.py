"""The chat that a server's settings describe, for the server and for the console."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..chat.service import ChatService
from ..http.proxies import Proxies
from ..store import Store
from .pageurl import page_url
from .settings import Settings


def chat_of(
    settings: Settings,
    clock: Any,
    store: Store,
    node: str,
    now: Callable[[], float],
    proxies: Proxies | None = None,
) -> ChatService:
    """A chat on that store; `clock` is the reactor, and `now` the wall clock in seconds.
    `proxies` are the trusted proxies; by default they are made from the settings.
    """
    chat = ChatService(
        clock,
        store,
        history=settings.history,
        limits=settings.limits,
        node=node,
        now=now,
        rules=settings.rules,
        shared=(proxies or settings.proxies).trusts_address,
    )
    chat.page_url = page_url(settings)
    chat.audit_trail.bounds = settings.trail_bounds
    return chat
