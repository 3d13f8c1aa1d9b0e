"""What it takes to reach a message bus, out of nova's own options, as oslo.messaging reads them.

Source: oslo.messaging 18.3, `oslo_messaging/transport.py` (TransportURL.parse) and
`_drivers/impl_rabbit.py`. Options in the query part of the URL override `[oslo_messaging_rabbit]`.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from oslo_config import cfg, types

from nova_watchdog.ports import ProbeError

GROUP = "oslo_messaging_rabbit"
_PORT = 5672  # oslo.messaging's default, with TLS too
_GUEST = "guest"  # the account that is used where the URL names none
_LOGIN_METHODS = ("PLAIN", "AMQPLAIN", "EXTERNAL")


@dataclass(frozen=True, slots=True)
class Broker:
    """One broker of the bus."""

    host: str
    port: int
    username: str = field(repr=False)
    password: str = field(repr=False)

    @property
    def address(self) -> str:
        """`host:port`, an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Tls:
    """Files are paths, empty where there is none: without a CA file the system's authorities count."""

    ca_file: str
    certificate_file: str
    key_file: str
    check_hostname: bool

    def check(self) -> None:
        """Load the files, so that a missing one is not taken for a broker's fault. Raises ProbeError."""
        try:
            context = ssl.create_default_context(cafile=self.ca_file or None)
            if self.certificate_file:
                context.load_cert_chain(self.certificate_file, self.key_file or None)
        except (OSError, ssl.SSLError) as error:
            files = ", ".join(name for name in (self.ca_file, self.certificate_file, self.key_file) if name)
            raise ProbeError(f"the TLS files {files} cannot be loaded: {error.strerror or error}") from error

    def options(self, host: str) -> Mapping[str, Any]:
        """What py-amqp wraps its socket with."""
        return {
            "ca_certs": self.ca_file or None,
            "certfile": self.certificate_file or None,
            "keyfile": self.key_file or None,
            "cert_reqs": ssl.CERT_REQUIRED,
            "server_hostname": host if self.check_hostname else None,
        }


@dataclass(frozen=True, slots=True)
class BusAccess:
    """The brokers in the URL's order, any of which counts, and how to log in. Equal while nothing changed."""

    brokers: tuple[Broker, ...]
    virtual_host: str
    exchange: str
    login_method: str
    tls: Tls | None

    @property
    def secret(self) -> str:
        """All that a broker judges at a login, as one text: a refusal counts until it changes."""
        accounts = [(broker.username, broker.password) for broker in self.brokers]
        return repr((accounts, self.virtual_host, self.login_method, self.tls))


def bus_access(conf: cfg.ConfigOpts) -> BusAccess:
    """The access that the options describe. Raises ProbeError, whose text holds no part of the URL."""
    try:
        parts = urlsplit(str(conf.transport_url))
        brokers = tuple(_broker(text) for text in parts.netloc.split(",") if text)
    except ValueError:
        raise ProbeError("nova's transport_url is not understood") from None
    if parts.scheme != "rabbit" or not brokers:
        raise ProbeError("nova's transport_url names no RabbitMQ")
    options = _Options(conf[GROUP], parts)
    login_method = options.text("rabbit_login_method")
    if login_method not in _LOGIN_METHODS:
        raise ProbeError(f"the login method {login_method} of nova's files is not known here")
    return BusAccess(
        brokers=brokers,
        virtual_host=unquote(parts.path[1:]) or "/",
        exchange=str(conf.control_exchange),
        login_method=login_method,
        tls=_tls(options) if options.flag("ssl") else None,
    )


def _broker(text: str) -> Broker:
    """One `username:password@host:port`. Raises ValueError."""
    account, _, address = text.rpartition("@")
    username, _, password = account.partition(":")
    # urlsplit knows addresses in brackets, and checks the port.
    place = urlsplit(f"//{address}")
    if not place.hostname:
        raise ValueError("no host")
    return Broker(
        host=place.hostname,
        port=place.port or _PORT,
        username=unquote(username) or _GUEST,
        password=unquote(password) or _GUEST,
    )


class _Options:
    """`[oslo_messaging_rabbit]`, overridden by the URL's query part."""

    def __init__(self, group: Mapping[str, Any], parts: SplitResult) -> None:
        self._group = group
        self._query = {name: ",".join(values) for name, values in parse_qs(parts.query).items()}

    def text(self, name: str) -> str:
        """A text, empty where it is unset."""
        value = self._query.get(name, self._group[name])
        return "" if value is None else str(value)

    def flag(self, name: str) -> bool:
        """A boolean as oslo.config converts one. Raises ProbeError."""
        try:
            return bool(types.Boolean()(self._query.get(name, self._group[name] or False)))
        except ValueError:
            raise ProbeError(f"{name} in nova's transport_url is neither true nor false") from None


def _tls(options: _Options) -> Tls:
    return Tls(
        ca_file=options.text("ssl_ca_file"),
        certificate_file=options.text("ssl_cert_file"),
        key_file=options.text("ssl_key_file"),
        check_hostname=options.flag("ssl_enforce_hostname_verification"),
    )
