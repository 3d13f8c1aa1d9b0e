"""Files that a key of the TOML file names: secrets, CAs, certificates. What is wrong is one mistake each."""

from __future__ import annotations

import ssl
from pathlib import Path

from nova_watchdog.config.errors import Findings
from nova_watchdog.config.files import unreadable
from nova_watchdog.config.secret_file import SecretLines, UnusableSecretError

_GROUP = "nova-watchdog"


class NamedFiles:
    """Reads them for one TOML file."""

    def __init__(self, file: Path, findings: Findings) -> None:
        self._file = file
        self._findings = findings

    def secret(self, key: str, path: str | None, *, single: bool = True) -> SecretLines | None:
        """The secret in a file; None where none is named, or a mistake was recorded."""
        if path is None:
            return None
        try:
            return SecretLines(Path(path), single=single)
        except UnusableSecretError as error:
            self.wrong(key, f"{path} {error.wrong}", error.allowed)
            return None

    def ca(self, key: str, path: str | None) -> Path | None:
        """The path of a CA file. One that cannot be used is recorded."""
        if path is None:
            return None
        if self._is_readable(key, path):
            try:
                ssl.create_default_context(cafile=path)
            except (ssl.SSLError, OSError):
                self.wrong(key, f"{path} holds no certificate", "certificates in PEM form")
        return Path(path)

    def pair(self, prefix: str, certificate: str | None, key: str | None) -> tuple[Path | None, Path | None]:
        """Our own certificate and its key. What does not fit together is recorded."""
        if certificate is None or key is None:
            if certificate is not None or key is not None:
                missing = "key_file" if key is None else "cert_file"
                self.wrong(f"{prefix}.{missing}", "is missing", "cert_file and key_file together, or neither")
            return None, None
        readable = [
            self._is_readable(f"{prefix}.cert_file", certificate),
            self._is_readable(f"{prefix}.key_file", key),
        ]
        if all(readable):
            try:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.load_cert_chain(certificate, key, password="")  # never asks on the terminal
            except (ssl.SSLError, OSError, ValueError):
                wrong = f"{certificate} and {key} do not belong together, or are not what they should be"
                allowed = "a certificate and its key without a passphrase, in PEM form"
                self.wrong(f"{prefix}.cert_file", wrong, allowed)
        return Path(certificate), Path(key)

    def wrong(self, key: str, wrong: str, allowed: str) -> None:
        """Record one mistake at a key of that file."""
        self._findings.wrong(str(self._file), key, wrong, allowed)

    def _is_readable(self, key: str, path: str) -> bool:
        words = unreadable(Path(path), group=_GROUP)
        if words is not None:
            self.wrong(key, f"{path} {words[0]}", words[1])
        return words is None
