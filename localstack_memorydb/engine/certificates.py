"""The certificate authority behind TLS endpoints: one per data directory, or one per process without one.

Elliptic-curve keys (P-256): every client takes them, and making one costs a millisecond.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TypeGuard

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from localstack_memorydb.engine.files import PRIVATE, make_private, write_whole

CA_FILE = "ca.pem"
KEY_FILE = "ca.key"
_CA_DAYS = 3650
_LEAF_DAYS = 397  # what browsers and platform verifiers accept at most


class AuthorityError(Exception):
    """What is kept of an authority cannot be used; the text says what to do about it."""


class Authority:
    """A certificate authority. Its private key never leaves the data directory, where only the owner can read it."""

    def __init__(
        self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, directory: Path | None = None
    ) -> None:
        self._certificate = certificate
        self._key = key
        self._directory = directory

    @classmethod
    def create(cls, now: datetime) -> Authority:
        """A new authority, which is not kept."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localstack-memorydb local CA")])
        public = key.public_key()
        builder = (
            _builder(name, name, public, now, _CA_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(sign=False, certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        )
        return cls(builder.sign(key, hashes.SHA256()), key)

    @classmethod
    def open(cls, directory: Path | None, now: datetime) -> Authority:
        """The directory's authority, made when there is none or when it has expired; without a directory a new one.

        Raises AuthorityError: one that clients trust is not replaced because it cannot be read.
        """
        if directory is None:
            return cls.create(now)
        certificate_file, key_file = directory / CA_FILE, directory / KEY_FILE
        if certificate_file.exists() and key_file.exists():
            try:
                certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
                key = serialization.load_pem_private_key(key_file.read_bytes(), None)
            except (OSError, TypeError, ValueError) as error:
                raise AuthorityError(
                    f"the certificate authority in {directory} cannot be read ({type(error).__name__}): repair {KEY_FILE} and "
                    f"{CA_FILE}, or remove both to get another one"
                ) from None
            if _belong_together(key, certificate) and certificate.not_valid_after_utc > now:
                key_file.chmod(PRIVATE)  # a copy of the directory may have lost it
                return cls(certificate, key, directory)
        authority = cls.create(now)
        authority._directory = directory
        authority._save()
        return authority

    def rotate(self, now: datetime) -> None:
        """Replaces key and certificate, on disk too. Who trusts the former certificate trusts nothing issued from now on."""
        fresh = Authority.create(now)
        self._certificate, self._key = fresh._certificate, fresh._key
        self._save()

    def _save(self) -> None:
        if self._directory is None:
            return
        make_private(self._directory)
        write_whole(self._directory / KEY_FILE, _pem(self._key))
        write_whole(self._directory / CA_FILE, self.pem, 0o644)

    @property
    def pem(self) -> bytes:
        """The authority's certificate, which clients must trust."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def serial(self) -> int:
        """The number of the authority's certificate, another one after each rotation."""
        return self._certificate.serial_number

    def issue(self, names: Sequence[str], now: datetime) -> tuple[bytes, bytes]:
        """A server certificate for host names and IP addresses: (certificate chain, private key), both PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
        public = key.public_key()
        builder = (
            _builder(subject, self._certificate.subject, public, now, _LEAF_DAYS)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(sign=True, certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )
        leaf = builder.sign(self._key, hashes.SHA256())
        return leaf.public_bytes(serialization.Encoding.PEM) + self.pem, _pem(key)


@contextmanager
def loadable(pem: bytes) -> Iterator[str]:
    """A path from which Python's ssl can load what it takes from files only; as long as the block.

    Where the system has files in memory the key never reaches a disk, and a directory made and removed would cost more
    than the certificate.
    """
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir():
        with os.fdopen(os.memfd_create("memorydb-tls"), "wb") as file:
            file.write(pem)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
    else:
        with tempfile.TemporaryDirectory(prefix="memorydb-tls-") as directory:
            path = Path(directory, "chain-and-key.pem")
            path.write_bytes(pem)
            yield str(path)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - timedelta(hours=1))
        .not_valid_after(now.astimezone(UTC) + timedelta(days=days))
    )


def _usage(*, sign: bool, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _belong_together(
    key: PrivateKeyTypes, certificate: x509.Certificate
) -> TypeGuard[ec.EllipticCurvePrivateKey]:
    """Whether it is the certificate of the key; a process that died while it replaced both may leave others."""
    return isinstance(key, ec.EllipticCurvePrivateKey) and certificate.public_key() == key.public_key()
