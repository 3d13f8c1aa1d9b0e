"""One simulated vCenter on loopback, with a throw-away certificate authority."""

from __future__ import annotations

import datetime as dt
import ipaddress
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lab.paths import Paths
from lab.vcsim import build
from lab.vcsim.process import ADDRESS, PASSWORD, VCenter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def _write_certificates(directory: Path) -> None:
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "throw-away authority")])
    key = ec.generate_private_key(ec.SECP256R1())
    server = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ADDRESS)])
    now = dt.datetime.now(dt.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ADDRESS))])
    for name, subject, public, extension in (
        ("ca", authority, authority_key, x509.BasicConstraints(ca=True, path_length=0)),
        ("vcenter", server, key, names),
    ):
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(authority)
            .public_key(public.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(minutes=5))
            .not_valid_after(now + dt.timedelta(days=365))
            .add_extension(extension, critical=name == "ca")
            .sign(authority_key, hashes.SHA256())
        )
        (directory / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (directory / f"{name}.key").write_bytes(
            public.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VCenter]:
    """The simulator, built where the lab builds it, and started."""
    cache = Paths.from_environment().cache
    binary = build.build(cache / "vcsim", cache / "vcsim-build")
    directory = tmp_path_factory.mktemp("vcenter")
    _write_certificates(directory)
    (directory / "password").write_text(PASSWORD + "\n")
    vcenter = VCenter(binary, directory)
    vcenter.start()
    yield vcenter
    vcenter.stop()


@pytest.fixture
def vcenter(simulator: VCenter) -> Iterator[VCenter]:
    """The simulator, without faults before and after."""
    simulator.clear()
    yield simulator
    simulator.clear()
    simulator.disconnect()
