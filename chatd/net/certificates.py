"""TLS certificates in PEM files, with their private keys and the chains of their issuers.

1. A certificate belongs to the private key with the same public key; the two may be in different
   files.
2. The server builds the chain that it sends from all certificates in the files: each one signed
   the one before it.  A root certificate, which signed itself, is not sent.
3. If there are two certificates for one name, the one that expires later is used.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

PEM_FILES = (".pem", ".crt", ".cer", ".key")
"""File name extensions that are read in a directory of certificates."""
MOST_BYTES = 1 << 20
"""Maximum bytes in a file of certificates; a longer file is refused."""
LONGEST_CHAIN = 8
"""Maximum number of issuers' certificates that are sent."""
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\s.*?-----END \1-----", re.DOTALL)

Mark = tuple[str, tuple[int, ...]]
"""A file's path and state (device, inode, size, time); the state is empty if it cannot be read."""


class BadCertificate(Exception):
    """A certificate cannot be used; the message says why, and names the file."""


@dataclass(frozen=True)
class Certificate:
    """A certificate with its key."""

    key: PrivateKeyTypes
    leaf: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    """The certificates of its issuers, in the order in which they are sent."""
    path: Path
    """The file that the certificate is in."""

    @property
    def names(self) -> tuple[str, ...]:
        """The host names for which the certificate is valid; a name may begin with `*.`."""
        try:
            extension = self.leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        except (x509.ExtensionNotFound, ValueError):
            return ()
        return tuple(name.lower() for name in extension.value.get_values_for_type(x509.DNSName))

    @property
    def expires(self) -> datetime:
        """The last moment at which the certificate is valid."""
        return self.leaf.not_valid_after_utc

    def __str__(self) -> str:
        return f"{', '.join(self.names) or self.leaf.subject.rfc4514_string()} ({self.path})"


@dataclass(frozen=True)
class Reading:
    """The outcome of reading the files."""

    certificates: tuple[Certificate, ...]
    problems: tuple[str, ...] = ()
    """Error messages about files that could not be used."""


@dataclass(frozen=True)
class Pair:
    """A key and its certificate in files of their own, or in one."""

    key: Path
    certificate: Path
    chain: Path | None = None
    """The certificates of the issuers, if they are not in the certificate's own file."""

    def read(self) -> Reading:
        """The certificate.  Raises `BadCertificate`."""
        keys, _ = _blocks(self.key)
        _, certificates = _blocks(self.certificate)
        if not keys:
            raise BadCertificate(f"{self.key} holds no private key in PEM")
        if not certificates:
            raise BadCertificate(f"{self.certificate} holds no certificate in PEM")
        own = [certificate for certificate in certificates if _fits(keys[0], certificate)]
        if not own:
            raise BadCertificate(
                f"the key in {self.key} is not that of the certificate in {self.certificate}"
            )
        more = _blocks(self.chain)[1] if self.chain else []
        if self.chain and not more:
            raise BadCertificate(f"{self.chain} holds no certificate in PEM")
        chain = _chain(own[0], [*certificates, *more])
        return Reading((Certificate(keys[0], own[0], chain, self.certificate),))

    def marks(self) -> tuple[Mark, ...]:
        """Differs from an earlier value if a file has changed since."""
        return tuple(_mark(path) for path in (self.key, self.certificate, self.chain) if path)


@dataclass(frozen=True)
class Directory:
    """A directory of certificates and keys, with those below it; or a single file of both."""

    path: Path

    def read(self) -> Reading:
        """All certificates whose keys are in the directory, in the order of the keys' files.

        Raises `BadCertificate` if there is none.
        """
        keys: list[tuple[Path, PrivateKeyTypes]] = []
        found: list[tuple[Path, x509.Certificate]] = []
        problems: list[str] = []
        for path in self._files():
            try:
                its_keys, its_certificates = _blocks(path)
            except BadCertificate as problem:
                problems.append(str(problem))
                continue
            keys += [(path, key) for key in its_keys]
            found += [(path, certificate) for certificate in its_certificates]
        everything = [certificate for _, certificate in found]
        made: dict[bytes, Certificate] = {}
        for key_path, key in keys:
            public = _public(key)
            own = [(path, one) for path, one in found if _public(one) == public]
            if not own:
                problems.append(f"there is no certificate for the key in {key_path}")
                continue
            path, leaf = max(own, key=lambda one: one[1].not_valid_after_utc)
            made[public] = Certificate(key, leaf, _chain(leaf, everything), path)
        problems += [
            f"there is no key for the certificate in {path}"
            for path, one in found
            if _public(one) not in made and not _signs(one)
        ]
        if not made:
            reason = "; ".join(problems) or "no file in it holds a certificate and its key"
            raise BadCertificate(f"{self.path}: {reason}")
        return Reading(tuple(made.values()), tuple(problems))

    def marks(self) -> tuple[Mark, ...]:
        """Differs from an earlier value if a file has changed since."""
        try:
            return tuple(_mark(path) for path in self._files())
        except BadCertificate:
            return ()

    def _files(self) -> list[Path]:
        if self.path.is_file():
            return [self.path]
        if not self.path.is_dir():
            raise BadCertificate(f"{self.path} is neither a directory nor a file")
        return sorted(
            Path(where) / name
            for where, _, names in os.walk(self.path)
            for name in names
            if name.endswith(PEM_FILES) and not name.startswith(".")
        )


Source = Pair | Directory
"""Where certificates are read from."""


def by_name(certificates: Iterable[Certificate]) -> dict[str, Certificate]:
    """The certificate for each host name."""
    chosen: dict[str, Certificate] = {}
    for certificate in certificates:
        for name in certificate.names:
            if name not in chosen or certificate.expires > chosen[name].expires:
                chosen[name] = certificate
    return chosen


def for_name(names: Iterable[str], asked: str) -> str | None:
    """The one of `names` that matches the host `asked`: the host itself, or a wildcard for its
    first label (RFC 6125, section 6.4.3); None if none matches.
    """
    asked = asked.lower().rstrip(".")
    wildcard = f"*.{asked.partition('.')[2]}"
    known = names if isinstance(names, dict) else set(names)
    return asked if asked in known else wildcard if wildcard in known else None


def expired(certificate: Certificate, now: datetime | None = None) -> bool:
    """Whether the certificate is no longer valid."""
    return certificate.expires < (now or datetime.now(UTC))


# -- files -----------------------------------------------------------------------------------------


def _blocks(path: Path) -> tuple[list[PrivateKeyTypes], list[x509.Certificate]]:
    """The keys and the certificates in a file.  Raises `BadCertificate`."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as problem:
        raise BadCertificate(f"cannot read {path}: {problem.strerror}") from None
    if len(data) > MOST_BYTES:
        raise BadCertificate(f"{path} is longer than {MOST_BYTES} bytes")
    keys: list[PrivateKeyTypes] = []
    certificates: list[x509.Certificate] = []
    for block in _BLOCK.finditer(data):
        try:
            if block[1] == b"CERTIFICATE":
                certificate = x509.load_pem_x509_certificate(block[0])
                certificate.public_key()  # raises if its algorithm is unknown
                certificates.append(certificate)
            elif block[1].endswith(b"PRIVATE KEY"):
                if b"ENCRYPTED" in block[0]:
                    raise BadCertificate(f"the key in {path} is encrypted; take its password off")
                # Validating an RSA key here would take up to 0.1 s, and TLS checks the key anyway.
                keys.append(
                    load_pem_private_key(block[0], None, unsafe_skip_rsa_key_validation=True)
                )
        except (ValueError, TypeError, UnsupportedAlgorithm):
            kind = block[1].decode().lower()
            raise BadCertificate(f"{path} holds a {kind} that is broken") from None
    return keys, certificates


def _mark(path: Path) -> Mark:
    try:
        status = path.stat()
    except OSError:
        return str(path), ()
    return str(path), (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _public(of: PrivateKeyTypes | x509.Certificate) -> bytes:
    return of.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _fits(key: PrivateKeyTypes, certificate: x509.Certificate) -> bool:
    return _public(key) == _public(certificate)


def _signs(certificate: x509.Certificate) -> bool:
    """Whether this is the certificate of a certificate authority."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def _chain(
    leaf: x509.Certificate, others: Sequence[x509.Certificate]
) -> tuple[x509.Certificate, ...]:
    """The issuer of the leaf, the issuer's issuer, and so on, without the root."""
    chain: list[x509.Certificate] = []
    last = leaf
    while len(chain) < LONGEST_CHAIN:
        issuer = next(
            (one for one in others if one not in (last, *chain) and _issued(one, last)), None
        )
        if issuer is None or issuer.subject == issuer.issuer:
            break
        chain.append(issuer)
        last = issuer
    return tuple(chain)


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
