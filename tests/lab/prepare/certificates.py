"""The lab's certificate authority and one server certificate for each vCenter and each member of etcd."""

from __future__ import annotations

import datetime as dt
import ipaddress
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lab.steps import Steps
    from lab.topology import Topology

_VALID_DAYS = 825
_RENEW_BEFORE_DAYS = 400
"""Checks of the daemon warn of certificates near their end; the lab's own must never be one of them."""


def make(directory: Path, topology: Topology, steps: Steps) -> Path:
    """A directory with ca.pem, ca.key and a pair for each server; only what is missing or old is made."""
    directory.mkdir(exist_ok=True)
    authority_file, authority_key_file = directory / "ca.pem", directory / "ca.key"
    if not _is_fresh(authority_file):
        with steps.step("certificate authority"):
            for old in directory.iterdir():
                old.unlink()
            key = ec.generate_private_key(ec.SECP256R1())
            _write_key(authority_key_file, key)
            _write(authority_file, _authority(key))
    servers = [(v.certificate, v.name, v.address, v.esx_names) for v in topology.vcenter_list]
    servers += [(member.name, member.name, member.address, ()) for member in topology.etcd_list]
    for file, name, address, more_names in servers:
        certificate_file = directory / f"{file}.pem"
        if not _is_fresh(certificate_file):
            with steps.step(f"certificate of {name}"):
                key = ec.generate_private_key(ec.SECP256R1())
                _write_key(directory / f"{file}.key", key)
                signing = _server((name, *more_names), address, key, (authority_file, authority_key_file))
                _write(certificate_file, signing)
    return directory


def _is_fresh(certificate_file: Path) -> bool:
    if not certificate_file.exists():
        return False
    certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
    left = certificate.not_valid_after_utc - dt.datetime.now(dt.UTC)
    return left.days > _RENEW_BEFORE_DAYS


def _builder(subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=_VALID_DAYS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _authority(
    key: ec.EllipticCurvePrivateKey,
) -> tuple[x509.CertificateBuilder, x509.Name, ec.EllipticCurvePrivateKey]:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nova-watchdog lab CA")])
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        _builder(name, key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
    )
    return builder, name, key


def _server(
    host_names: Sequence[str],
    address: str,
    key: ec.EllipticCurvePrivateKey,
    authority_files: tuple[Path, Path],
) -> tuple[x509.CertificateBuilder, x509.Name, ec.EllipticCurvePrivateKey]:
    authority_file, authority_key_file = authority_files
    authority = x509.load_pem_x509_certificate(authority_file.read_bytes())
    authority_key = serialization.load_pem_private_key(authority_key_file.read_bytes(), password=None)
    if not isinstance(authority_key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{authority_key_file} holds no elliptic curve key")
    names = [
        x509.IPAddress(ipaddress.ip_address(address)),
        *(x509.DNSName(name) for name in host_names),
    ]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host_names[0])])
    builder = (
        _builder(subject, key)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
        )
    )
    return builder, authority.subject, authority_key


def _write(
    file: Path, signing: tuple[x509.CertificateBuilder, x509.Name, ec.EllipticCurvePrivateKey]
) -> None:
    builder, issuer, key = signing
    certificate = builder.issuer_name(issuer).sign(key, hashes.SHA256())
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _write_key(file: Path, key: ec.EllipticCurvePrivateKey) -> None:
    file.touch(mode=0o600)
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
