"""When the certificate that a vCenter presents ends, whether or not it is trusted. Blocking."""

from __future__ import annotations

import socket
import ssl

from cryptography import x509


def certificate_ends_at_wall_s(address: str, port: int, timeout_s: float) -> float | None:
    """The end of the presented certificate as Unix time, or None where there is none that can be read.

    A handshake of its own, which verifies nothing and after which nothing is sent: an expired or
    untrusted certificate must be told as well. `timeout_s` limits each step. Raises OSError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    host = address.removeprefix("[").removesuffix("]")
    with (
        socket.create_connection((host, port), timeout=timeout_s) as raw,
        context.wrap_socket(raw, server_hostname=host) as connection,
    ):
        presented = connection.getpeercert(binary_form=True)
    if presented is None:
        return None
    try:
        certificate = x509.load_der_x509_certificate(presented)
    except ValueError:  # OpenSSL took it, and this stricter reader does not
        return None
    return certificate.not_valid_after_utc.timestamp()
