"""A right configuration in a directory of its own, nova files, and a certificate."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from config.sites import NOVA_CONF, PAIRING_CONF, TOML, Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    (tmp_path / "nova-watchdog.toml").write_text(TOML.format(root=tmp_path))
    (tmp_path / "nova.conf").write_text(NOVA_CONF)
    for name in ("cluster-a", "cluster-b"):
        (tmp_path / f"{name}.conf").write_text(PAIRING_CONF.format(name=name))
    (tmp_path / "clouds.yaml").write_text("clouds: {lab: {auth: {password: cloud-password}}}\n")
    return Site(tmp_path)


@pytest.fixture
def nova_files(tmp_path: Path) -> Callable[..., list[Path]]:
    """Writes texts as nova files 0.conf, 1.conf, ... and returns their paths."""

    def write(*texts: str) -> list[Path]:
        paths = [tmp_path / f"{index}.conf" for index in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text)
        return paths

    return write


@pytest.fixture(scope="session")
def ca_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed CA certificate in PEM form."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, start, start.replace(year=2056))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory that everyone may enter: pytest's own is closed for others."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o755)
        yield path
        path.chmod(0o755)
