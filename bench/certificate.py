"""The certificate of the servers that speak TLS: the same for all of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from .servers import LeftOut


def certify(home: Path) -> None:
    """Write `key.pem`, of ECDSA with P-256, and a self-signed `certificate.pem` for a day.

    Raises `LeftOut`.
    """
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import NameOID
    except ImportError:
        raise LeftOut("TLS needs the package cryptography: pip install .[tls]") from None

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (home / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (home / "certificate.pem").write_bytes(certificate.public_bytes(pem))
