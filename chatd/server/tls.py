"""The certificates of the doors that speak TLS: read at the start, and again when they change.

1. Every `LOOK_SECONDS` the server checks whether the files have changed.  It reads changed files
   when two checks in a row find them alike, because a renewal replaces several files one after
   another.  `reload` reads them at once.
2. New connections use the new certificates.  Open connections go on unchanged.
3. If the new certificates cannot be used, the server logs that, once for each change of the files,
   and keeps the old ones.  If some files of a directory are broken, the server keeps the old
   certificates of the names for which there is no new one.
4. A certificate that has expired, or is about to, is logged once a day.
5. Once a day the key of the session tickets is replaced, for connections that begin from then on.
   Who learns a key can read the recorded sessions of TLS 1.2 in which it made a ticket (RFC 5077,
   section 3.3: the ticket has the session's secret).  A key stays in memory until the last
   connection that began with it is closed.  (Sessions of TLS 1.3 have keys of their own.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from ..net.certificates import BadCertificate, Certificate, Reading, Source, by_name, expired
from ..net.tlscontexts import ServerContexts
from .endpoints import listening

LOOK_SECONDS = 5.0
"""Seconds between two checks of the files."""
WARN_DAYS = 14
"""Days before its expiry from which a certificate is logged.  certbot renews 30 days before it."""
DAY = 86_400.0


class DoorCertificates:
    """The certificates of one endpoint."""

    _log = Logger()

    def __init__(self, door: str, source: Source, protocols: Sequence[str] = ()) -> None:
        """Read the certificates.  Raises `BadCertificate`.  `protocols`: see `ServerContexts`."""
        self.door = door
        self.certificates: tuple[Certificate, ...] = ()
        """The certificates in use."""
        self.contexts = ServerContexts(protocols)
        """Makes the TLS connections."""
        self._source = source
        self._used = self._seen = source.marks()
        """The state of the files when they were read, and at the last check."""
        reading = source.read()
        self.contexts.use(reading.certificates)
        self.certificates = reading.certificates
        self._problems = reading.problems

    def tell(self) -> None:
        """Log which certificates are in use."""
        for problem in self._problems:
            self._log.warn("{door} door: {problem}", door=self.door, problem=problem)
        for certificate in self.certificates:
            self._log.info(
                "{door} door: certificate for {certificate}, valid until {until}",
                door=self.door,
                certificate=str(certificate),
                until=_written(certificate.expires),
            )

    def renew(self) -> None:
        """Replace the key of the session tickets."""
        self.contexts.renew()

    def changed(self) -> bool:
        """Check the files.  Returns whether they have changed since they were read, but not since
        the last check.
        """
        seen, self._seen = self._seen, self._source.marks()
        return self._seen == seen and self._seen != self._used

    def reload(self) -> bool:
        """Read the files, whether they have changed or not.  Returns whether the certificates in
        use have changed.
        """
        self._used = self._seen = self._source.marks()
        try:
            reading = self._source.read()
            kept = self._without_successor(reading)
            self._check(reading)
            certificates = (*reading.certificates, *kept)
            if _same(certificates, self.certificates):
                return False
            self.contexts.use(certificates)
        except BadCertificate as problem:
            self._log.error(
                "{door} door: the new certificate is refused, and the old one stays: {problem}",
                door=self.door,
                problem=str(problem),
            )
            return False
        self.certificates, self._problems = certificates, reading.problems
        self.tell()
        return True

    def _without_successor(self, reading: Reading) -> tuple[Certificate, ...]:
        """The certificates in use with a name for which the files, some of them broken, have no new
        certificate.
        """
        if not reading.problems:
            return ()
        named = by_name(reading.certificates)
        kept = tuple(one for one in self.certificates if not set(one.names) <= set(named))
        for problem in reading.problems:
            self._log.error(
                "{door} door: {problem}; the old certificates stay where there is no new one",
                door=self.door,
                problem=problem,
            )
        return kept

    def _check(self, reading: Reading) -> None:
        if all(map(expired, reading.certificates)) and not all(map(expired, self.certificates)):
            raise BadCertificate(f"{reading.certificates[0]} has expired")


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _same(some: Sequence[Certificate], others: Sequence[Certificate]) -> bool:
    return [(one.leaf, one.chain) for one in some] == [(one.leaf, one.chain) for one in others]


def problems(doors: Mapping[str, Iterable[str]]) -> list[str]:
    """Error messages about the certificates of all endpoints, which are given by door."""
    found = []
    for door, texts in doors.items():
        for text in texts:
            source = listening(text).certificates
            try:
                if source is not None:
                    DoorCertificates(door, source)
            except BadCertificate as problem:
                found.append(f"--{door} {text}: {problem}")
    return found


class CertificateWatch(Service):
    """Checks the files of all certificates while the server runs."""

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        doors: Sequence[DoorCertificates],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._clock = clock
        self._doors = doors
        self._now = now
        self._timer: IDelayedCall | None = None
        self._warned = -DAY

    def startService(self) -> None:
        """Log the certificates in use, and begin to check the files."""
        super().startService()
        for door in self._doors:
            door.tell()
        self._warn()
        self._wait()

    def stopService(self) -> None:
        """Stop checking."""
        super().stopService()
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def reload(self) -> list[str]:
        """Read all files now.  Returns the names of the doors whose certificates have changed."""
        return [door.door for door in self._doors if door.reload()]

    def _wait(self) -> None:
        if self._doors:
            self._timer = self._clock.callLater(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        self._wait()
        for door in self._doors:
            if door.changed():
                door.reload()
        if self._clock.seconds() - self._warned >= DAY:
            self._warn()
            for door in self._doors:
                door.renew()

    def _warn(self) -> None:
        self._warned = self._clock.seconds()
        soon = self._now() + timedelta(days=WARN_DAYS)
        told: set[Any] = set()
        for door in self._doors:
            for certificate in door.certificates:
                if certificate.expires < soon and certificate.path not in told:
                    told.add(certificate.path)
                    self._log.warn(
                        "the certificate for {certificate} expires at {until}; renew it",
                        certificate=str(certificate),
                        until=_written(certificate.expires),
                    )
