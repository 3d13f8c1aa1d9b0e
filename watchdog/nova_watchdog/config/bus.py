"""The message buses behind the pairings, from nova's own `transport_url` and `[oslo_messaging_rabbit]`."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from oslo_config import cfg

from nova_watchdog.config.errors import Findings
from nova_watchdog.config.nova_conf import DEFAULT, RABBIT, NovaConf, UnusableValueError
from nova_watchdog.config.nova_files import Reference, Stamp, stamp
from nova_watchdog.config.nova_options import rabbit_options
from nova_watchdog.config.nova_settings import NovaValues
from nova_watchdog.config.schema import BusTable
from nova_watchdog.config.settings import BusSettings
from nova_watchdog.config.toml_file import Document
from nova_watchdog.config.transport import NOT_UNDERSTOOD

_DRIVER = "rabbit://"
# What a round takes beside the pings: logging in, and the proof before and after them.
_BESIDE_PINGS_S = 2.0
_DEFAULT_OPTIONS = ("transport_url", "control_exchange")


def check_bus_table(document: Document, findings: Findings) -> None:
    """A round has to have time for a ping."""
    table = document.bus
    if table is not None and table.timeout_s < table.ping_timeout_s + _BESIDE_PINGS_S:
        findings.wrong(
            str(document.file),
            "bus.timeout_s",
            f"is {table.timeout_s:g}",
            f"at least {_BESIDE_PINGS_S:g} more than bus.ping_timeout_s ({table.ping_timeout_s:g})",
        )


def buses_of(
    pairings: Mapping[str, NovaValues], table: BusTable, findings: Findings
) -> Mapping[str, BusSettings]:
    """One entry for each bus, in the order of the pairings; a note for each pairing without one.

    A bus that cannot be watched costs only what it would have shown: it is no mistake.
    """
    found: dict[str, BusSettings] = {}
    sources: dict[str, NovaBusOptions] = {}
    for name, nova in pairings.items():
        key = nova.transport.redacted
        source = _source(name, nova, findings)
        if source is None:
            continue
        first = sources.setdefault(key, source)
        if first.differs_from(source):
            findings.note(
                f"pairing.{name}: its account, exchange or TLS options for {key} differ from"
                f" pairing.{found[key].pairings[0]}'s, which are used to watch that message bus"
            )
        earlier = found.get(key)
        found[key] = BusSettings(
            key=key,
            hosts=(*(earlier.hosts if earlier else ()), nova.host),
            pairings=(*(earlier.pairings if earlier else ()), name),
            conf=first,
            interval_s=table.interval_s,
            timeout_s=table.timeout_s,
            ping_timeout_s=table.ping_timeout_s,
        )
    return found


def _source(name: str, nova: NovaValues, findings: Findings) -> NovaBusOptions | None:
    redacted = nova.transport.redacted
    if redacted == NOT_UNDERSTOOD:
        problem = "[DEFAULT] transport_url is not understood"
    elif not redacted.startswith(_DRIVER) or redacted.removeprefix(_DRIVER)[:1] in ("", "/"):
        problem = f"[DEFAULT] transport_url {redacted} names no RabbitMQ"
    else:
        try:
            return NovaBusOptions(nova.files)
        except UnusableValueError as error:
            problem = f"[{RABBIT}] {error}"
    findings.note(f"pairing.{name}: its message bus is not watched: {problem}")
    return None


class NovaBusOptions:
    """Nova's options of the bus; each call looks whether the files changed, and reads them again if so.

    While the files cannot be read or hold an unusable value, the last good options are returned.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        """Read them. Raises UnusableValueError."""
        self._paths = tuple(paths)
        self._stamp: Stamp | None = stamp(self._paths)
        self._last_good = _read(self._paths)

    def __call__(self) -> cfg.ConfigOpts:
        """The options as nova's files have them now, or the last good ones."""
        now = stamp(self._paths)
        if now is None or now != self._stamp:
            with contextlib.suppress(UnusableValueError):
                self._last_good = _read(self._paths)
            self._stamp = now
        return self._last_good

    def differs_from(self, other: NovaBusOptions) -> bool:
        """Whether an option has another value there."""
        return _values(self._last_good) != _values(other._last_good)

    def __repr__(self) -> str:
        return f"NovaBusOptions({', '.join(map(str, self._paths))})"


def _read(paths: Sequence[Path]) -> cfg.ConfigOpts:
    """The options with checked values. Raises UnusableValueError."""
    nova = NovaConf.read(paths, Reference("", ""), Findings())
    if nova is None:
        raise UnusableValueError("cannot be read", "readable files")
    conf = cfg.ConfigOpts()
    conf.register_opts([cfg.StrOpt("transport_url", secret=True), cfg.StrOpt("control_exchange")])
    conf.register_opts(rabbit_options(), group=RABBIT)
    conf([], project="nova", default_config_files=[], default_config_dirs=[], use_env=False)
    # What was read is set as it is: another pass would replace a `$` of a password once more.
    for name in _DEFAULT_OPTIONS:
        conf.set_override(name, _literal(nova.value(DEFAULT, name)))
    for opt in rabbit_options():
        try:
            conf.set_override(opt.name, _literal(nova.value(RABBIT, opt.name)), group=RABBIT)
        except UnusableValueError as error:
            raise UnusableValueError(f"{opt.name} {error.wrong}", error.allowed) from error
    return conf


def _literal(value: object) -> object:
    return value.replace("$", "$$") if isinstance(value, str) else value


def _values(conf: cfg.ConfigOpts) -> list[object]:
    return [conf[name] for name in _DEFAULT_OPTIONS] + [conf[RABBIT][opt.name] for opt in rabbit_options()]
