"""Web Push: notifications on devices whose page is closed.

`chatd.chat.push_subscriptions` keeps who is to be notified, `push_watch` sees the messages,
`push_notices` decides, also by which pages are in view (`push_views`), and a `Deliverer` sends
(`chatd.push`, which `chatd.server.push` brings).
Without one, push is off, and the page does not offer it.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..model.errors import ChatError, Malformed, NotFound
from ..model.push import Notice, Subscription, clean_endpoint, clean_key, clean_places, padded
from ..model.units import PUSH_KEY, PUSHES, Cell, Change
from .core import Core
from .letters import Letters
from .livecells import first_error, together
from .push_key import PushKey
from .push_notices import Deliverer, PushNotices
from .push_subscriptions import Living, Subscriptions
from .push_views import PushViews
from .push_watch import PushWatch
from .sessions import LastingSession

POINT_BYTES = 65
"""Bytes of a browser's public key: an uncompressed point on P-256."""
AUTH_BYTES = 16
"""Bytes of a browser's secret."""
OFF = "this server sends no notifications to closed pages; its operator turns them on"


class Push:
    """The push notifications of one chat."""

    _log = Logger()

    def __init__(self, core: Core, letters: Letters, micros: Callable[[], int]) -> None:
        """`micros` tells microseconds since the Unix epoch."""
        self._store = core.store
        self._journal = core.journal
        self._admission = core.admission
        self._micros = micros
        self.counts: Counter[str] = Counter()
        """What became of notifications: `limited`, `dropped`, `failed`; a deliverer counts here
        too."""
        self._key = PushKey(core.clock, core.store, core.journal)
        self.subscriptions = Subscriptions(core.store, core.journal, micros)
        self.views = PushViews(core.store, core.admission, self.subscriptions, micros)
        self.notices = PushNotices(core, letters, self.subscriptions, self.views, self._deliver)
        self._watch = PushWatch(core.clock, self.subscriptions, self.notices.notify, self.counts)
        self._deliverer: Deliverer | None = None
        self._meanwhile: list[Change] | None = []
        """What was shown before the subscriptions are read; None: they are."""

    @property
    def on(self) -> bool:
        """Whether notifications are sent."""
        return self._deliverer is not None and bool(self._key.private)

    @property
    def public_key(self) -> str:
        """The key by which push services know this chat, as browsers take it."""
        return self._key.public

    @property
    def waiting(self) -> int:
        """The length of the queue."""
        sending = self._deliverer.waiting if self._deliverer is not None else 0
        return self._watch.waiting + sending

    def begin(self, deliverer: Deliverer) -> Deferred[Any]:
        """Send notifications from now on; the store is open.  Fires when the key and the
        subscriptions are read.  Fails with `Unavailable`, `InDoubt`.
        """
        self._deliverer = deliverer
        self._journal.when_stored = self._watch.stored
        reading: Deferred[Any] = gatherResults(
            [self._key.find(), self._store.table(PUSHES)], consumeErrors=True
        )

        def read(found: list[Any]) -> None:
            self.subscriptions.restated(found[1])
            meanwhile, self._meanwhile = self._meanwhile, None
            for change in meanwhile or ():
                self.subscriptions.shown(change)
            self.subscriptions.check_all()

        return reading.addErrback(first_error).addCallback(read)

    def stop(self) -> None:
        """Send no more: the server ends."""
        self._journal.when_stored = None
        self._deliverer = None
        self._watch.stop()
        self._key.stop()

    # -- the fold --------------------------------------------------------------------------------

    def shown(self, change: Change, _version: int = 0) -> None:
        """Fold one change of a stored unit."""
        if self._deliverer is None:
            return
        if change.table == PUSH_KEY:
            self._key.shown(change)
        elif self._meanwhile is not None:
            self._meanwhile.append(change)
        else:
            self.subscriptions.shown(change)

    def anew(self) -> Deferred[Callable[[], object]]:
        """Read the key and the subscriptions again; fires with what folds them.  Fails with
        `Unavailable`.
        """
        if self._deliverer is None:
            return succeed(lambda: None)

        def folded(cells: Mapping[str, Cell]) -> Callable[[], object]:
            return lambda: self.subscriptions.restated(cells)

        read: Deferred[Any] = self._store.table(PUSHES)
        return together([self._key.anew(), read.addCallback(folded)])

    # -- subscribing -----------------------------------------------------------------------------

    def subscribe(
        self,
        session: LastingSession,
        endpoint: str,
        p256dh: str,
        auth: str,
        all_: str | None = None,
        none: str | None = None,
    ) -> Deferred[Any]:
        """Have the browser of a session notified, and replace what it said before.  `all_` and
        `none` list the places of which it wants every message, or none; None: as before.

        Raises `NotFound` if push is off, `Malformed`, `BadRoom`, `BadName`, `RateLimited`,
        `TooMany`; fails with `BadToken`, `Unavailable`.
        """
        account = session.person.account
        assert account is not None
        if not self.on:
            raise NotFound(OFF)
        point = clean_key(p256dh, POINT_BYTES, "p256dh")
        clean_key(auth, AUTH_BYTES, "auth")
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        except ValueError:
            raise Malformed("p256dh has to be an uncompressed point on the curve P-256") from None
        before = self.subscriptions.get(session.hash)
        made = Subscription(
            account,
            clean_endpoint(endpoint),
            p256dh,
            auth,
            self._micros(),
            (before.all if before else ()) if all_ is None else clean_places(all_, "all"),
            (before.none if before else ()) if none is None else clean_places(none, "none"),
        )
        self._admission.spend(session.person)
        return self.subscriptions.put(session, made)

    def unsubscribe(self, session: LastingSession) -> Deferred[Any]:
        """Notify the browser of a session no more.  Raises `RateLimited`; fails with
        `Unavailable`.
        """
        self._admission.spend(session.person)
        return self.subscriptions.remove([session.hash])

    # -- sending ---------------------------------------------------------------------------------

    def _deliver(
        self, account: str, one: Living, notice: Notice, check: Callable[[], Deferred[bool]]
    ) -> None:
        if self._deliverer is None:
            return
        key, to = self._key.private, one.subscription
        topic = self._topic(account, notice.place)
        sending = self._deliverer.send(to, key, padded(notice), topic, check)
        sending.addCallback(self._delivered, one)

    def _delivered(self, wanted: bool, one: Living) -> None:
        if not wanted and self.subscriptions.get(one.hash) is one.subscription:
            self.subscriptions.remove([one.hash]).addErrback(self._unremoved)

    def _unremoved(self, failure: Failure) -> None:
        """Drop the error: the push service says again that it is gone."""
        failure.trap(ChatError)

    def _topic(self, account: str, place: str) -> str:
        """The topic of notifications of a place: 32 characters (RFC 8030, section 5.4), of which
        the push service cannot tell the place.
        """
        words = f"{account} {place}".encode()
        digest = hmac.digest(self._key.private, words, hashlib.sha256)
        return urlsafe_b64encode(digest[:24]).decode()
