"""With what etcd's certificate is verified, and the certificate that is shown to it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from nova_watchdog.ports import StoreUnavailableError


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files. ca: None for the system's CAs. certificate and key: shown to etcd, both or neither."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


class Trust:
    """The files' context for TLS, read again when one of them changes."""

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._made: tuple[object, ssl.SSLContext] | None = None

    def context(self) -> ssl.SSLContext:
        """For new connections. While a file is being replaced the last good one stands.

        Raises StoreUnavailableError.
        """
        named = [path for path in (self._files.ca, self._files.certificate, self._files.key) if path]
        try:
            stamp = tuple((info.st_ino, info.st_mtime_ns, info.st_size) for info in map(Path.stat, named))
            if self._made is None or self._made[0] != stamp:
                self._made = (stamp, self._make())
        except OSError as error:  # ssl.SSLError is one
            if self._made is None:
                names = ", ".join(map(str, named))
                raise StoreUnavailableError(f"{names} cannot be used for TLS: {error}") from error
        return self._made[1]

    def _make(self) -> ssl.SSLContext:
        ca, certificate = self._files.ca, self._files.certificate
        context = ssl.create_default_context(cafile=None if ca is None else str(ca))
        if certificate is not None:
            # An encrypted key would be asked for on the terminal: an empty passphrase is refused instead.
            context.load_cert_chain(certificate, self._files.key, password="")
        return context
