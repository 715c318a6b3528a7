"""Certificates for tests: one that is its own authority, and is good for 127.0.0.1; and those of an
authority and its issuer, as the Internet has them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import rsa as rsa_module
from cryptography.x509.oid import NameOID

PrivateKey = ec.EllipticCurvePrivateKey | rsa_module.RSAPrivateKey


def write_certificate(
    directory: Path, address: str = "127.0.0.1", *hosts: str
) -> tuple[Path, Path]:
    """Make a certificate for that address and these host names; the paths of it and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "chatd test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.IPAddress(ip_address(address)), *map(x509.DNSName, hosts)]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    where, its_key = directory / "certificate.pem", directory / "key.pem"
    where.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    its_key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return where, its_key


class Authority:
    """A root certificate, and an issuer signed by the root, which signs certificates."""

    def __init__(self, name: str = "test") -> None:
        self._root_key = ec.generate_private_key(ec.SECP256R1())
        self._key = ec.generate_private_key(ec.SECP256R1())
        root = _named(f"{name} root")
        self.root = _signed(root, root, self._root_key, self._root_key, ca=True)
        self.issuer = _signed(_named(f"{name} issuer"), root, self._key, self._root_key, ca=True)

    @property
    def root_pem(self) -> str:
        """The root, which clients trust."""
        return pem(self.root)

    def issue(
        self, *hosts: str, days: float = 1, rsa: bool = False
    ) -> tuple[x509.Certificate, PrivateKey]:
        """A certificate for these hosts that expires in so many days, and its key."""
        key: PrivateKey = (
            rsa_module.generate_private_key(65537, 2048)
            if rsa
            else ec.generate_private_key(ec.SECP256R1())
        )
        certificate = _signed(
            _named(hosts[0]), self.issuer.subject, key, self._key, hosts, days=days
        )
        return certificate, key


class Certbot:
    """The files of certbot: `live/NAME/*.pem` are links into `archive/NAME`, which a renewal turns
    over, one after another.
    """

    def __init__(self, directory: Path, name: str, authority: Authority) -> None:
        self._archive = directory / "archive" / name
        self.live = directory / "live" / name
        """The directory to configure in the server."""
        self._authority = authority
        self._name = name
        self._turn = 0
        self._archive.mkdir(parents=True)
        self.live.mkdir(parents=True)

    def write(self, *, days: float = 1) -> None:
        """Write new files, to which no link points yet."""
        self._turn += 1
        leaf, key = self._authority.issue(self._name, days=days)
        chain = pem(self._authority.issuer)
        for file, text in {
            "cert": pem(leaf),
            "chain": chain,
            "fullchain": pem(leaf) + chain,
            "privkey": key_pem(key),
        }.items():
            (self._archive / f"{file}{self._turn}.pem").write_text(text)

    def link(self, *files: str) -> None:
        """Point links to the newest files."""
        for file in files or ("cert", "chain", "fullchain", "privkey"):
            link = self.live / f"{file}.pem"
            fresh = self.live / f"{file}.new"
            fresh.symlink_to(Path("../../archive") / self._name / f"{file}{self._turn}.pem")
            fresh.replace(link)

    def renew(self, *, days: float = 1) -> None:
        """Renew the certificate."""
        self.write(days=days)
        self.link()


def pem(certificate: x509.Certificate) -> str:
    """A certificate in PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def key_pem(key: PrivateKey, password: bytes | None = None) -> str:
    """A key in PEM."""
    encryption = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    ).decode()


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _signed(
    subject: x509.Name,
    issuer: x509.Name,
    key: PrivateKey,
    issuers_key: ec.EllipticCurvePrivateKey,
    hosts: tuple[str, ...] = (),
    *,
    ca: bool = False,
    days: float = 2,
) -> x509.Certificate:
    now = datetime.now(UTC)
    signer = issuers_key.public_key()
    builder = (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(_usage(ca=ca), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), critical=False)
    )
    if hosts:
        names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(issuers_key, hashes.SHA256())


def _usage(*, ca: bool) -> x509.KeyUsage:
    """What the key is for; Python 3.13 checks it, as RFC 5280 has it."""
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
