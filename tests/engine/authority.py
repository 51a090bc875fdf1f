"""A certificate authority of a test's own: what it issues is good, or wrong in one way."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Private = ec.EllipticCurvePrivateKey
WRONG = ("foreign", "expired", "not_yet", "wrong_name", "self_signed")
DAY = timedelta(days=1)


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


class Authority:
    """Keeps its certificate in `folder`/ca.pem; issues for 127.0.0.1 and localhost."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.name, self.key = (
            named("the authority of a test"),
            ec.generate_private_key(ec.SECP256R1()),
        )
        self.file = folder / "ca.pem"
        certificate = self.sign(self.name, self.key, self.name, self.key, is_authority=True)
        self.file.write_bytes(certificate.public_bytes(s.Encoding.PEM))

    def sign(
        self,
        subject: x509.Name,
        key: Private,
        issuer: x509.Name,
        by: Private,
        *,
        names: list[x509.GeneralName] | None = None,
        begins: timedelta = -DAY,
        ends: timedelta = DAY,
        is_authority: bool = False,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        built = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + begins)
            .not_valid_after(now + ends)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), True)
        )
        if names:
            built = built.add_extension(x509.SubjectAlternativeName(names), False)
        return built.sign(by, hashes.SHA256())

    def issue(self, kind: str = "good") -> ssl.SSLContext:
        """A server's context: `good`, or one of WRONG."""
        key = ec.generate_private_key(ec.SECP256R1())
        here = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
        names: list[x509.GeneralName] = (
            [x509.DNSName("elsewhere")] if kind == "wrong_name" else [*here]
        )
        begins, ends = {"expired": (-2 * DAY, -DAY), "not_yet": (DAY, 2 * DAY)}.get(
            kind, (-DAY, DAY)
        )
        issuer, by = self.name, self.key
        if kind == "foreign":  # an issuer of the same name, with another key
            by = ec.generate_private_key(ec.SECP256R1())
        elif kind == "self_signed":
            issuer, by = named("localhost"), key
        signed = self.sign(
            named("localhost"), key, issuer, by, names=names, begins=begins, ends=ends
        )
        path = self.folder / f"{kind}.pem"
        path.write_bytes(
            key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
            + signed.public_bytes(s.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context
