"""The chat that a server's settings describe, for the server and for the console."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..chat.service import ChatService
from ..store import Store
from .pageurl import page_url
from .settings import Settings


def chat_of(
    settings: Settings, clock: Any, store: Store, node: str, now: Callable[[], float]
) -> ChatService:
    """A chat on that store; `clock` is the reactor, and `now` the wall clock in seconds."""
    chat = ChatService(
        clock,
        store,
        history=settings.history,
        max_text=settings.max_text,
        limits=settings.limits,
        node=node,
        now=now,
        rules=settings.rules,
        shared=settings.proxies.trusts_address,
    )
    chat.page_url = page_url(settings)
    return chat
