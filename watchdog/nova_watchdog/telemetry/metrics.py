"""The exporter: every family off the last snapshot, as Prometheus' text or as OpenMetrics.

It renders on the event loop, so it is written to be quick: the text of a series up to its value is made
once and kept. prometheus_client adds the daemon's own process and reads the `Accept` header.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.process_collector import ProcessCollector

from nova_watchdog.ports import Clock
from nova_watchdog.telemetry.derived import Configured, Snapshot, configured
from nova_watchdog.telemetry.families import FAMILIES, Family, Kind, Scrape

_OPENMETRICS = "application/openmetrics-text"
# OpenMetrics names a family without the suffix that its series carry.
_SUFFIXES = {Kind.COUNTER: "_total", Kind.INFO: "_info", Kind.GAUGE: ""}


class Exporter:
    """Renders a scrape. Does no IO but reading `/proc/self`, and takes no lock.

    `pairings` are the configured ones, whose series exist before the first snapshot names them.
    """

    def __init__(self, snapshot: Snapshot, clock: Clock, pairings: Configured = ()) -> None:
        self._snapshot = snapshot
        self._clock = clock
        self._configured = configured(pairings)
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)
        self._series: dict[tuple[str, Sequence[str]], str] = {}

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """The body and its content type: OpenMetrics if `accept` asks for it, otherwise Prometheus' text."""
        encode, content_type = choose_encoder(accept)
        lines = list(self._lines(openmetrics=content_type.startswith(_OPENMETRICS)))
        if len(self._series) > 2 * len(lines):
            self._series.clear()  # a reload took pairings away
        process: bytes = encode(self._process)  # last: in OpenMetrics it ends with the end's mark
        return "".join(lines).encode() + process, content_type

    def _lines(self, *, openmetrics: bool) -> Iterator[str]:
        snapshot = self._snapshot()
        pairings = {pairing.name: pairing for pairing in self._configured()}
        pairings |= {name: shown.pairing for name, shown in snapshot.pairings.items()}
        scrape = Scrape(snapshot, tuple(pairings[name] for name in sorted(pairings)), self._clock.now_s())
        for family in FAMILIES:
            yield _head(family, openmetrics=openmetrics)
            for labels, value in family.samples(scrape):
                yield f"{self._series_of(family, labels)} {_number(value)}\n"

    def _series_of(self, family: Family, labels: Sequence[str]) -> str:
        """`name{label="value",...}`."""
        key = (family.name, labels)
        known = self._series.get(key)
        if known is None:
            pairs = (
                f'{label}="{_escaped(value)}"' for label, value in zip(family.labels, labels, strict=True)
            )
            text = ",".join(pairs)
            known = self._series[key] = f"{family.name}{{{text}}}" if text else family.name
        return known


def _head(family: Family, *, openmetrics: bool) -> str:
    if openmetrics:
        name, kind = family.name.removesuffix(_SUFFIXES[family.kind]), family.kind
        return f"# HELP {name} {_escaped(family.meaning)}\n# TYPE {name} {kind.value}\n"
    kind = Kind.GAUGE if family.kind is Kind.INFO else family.kind
    meaning = family.meaning.replace("\\", r"\\").replace("\n", r"\n")
    return f"# HELP {family.name} {meaning}\n# TYPE {family.name} {kind.value}\n"


def _number(value: float) -> str:
    if value == 0.0:  # most are 0 or 1
        return "0.0"
    if value == 1.0:
        return "1.0"
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else ("+Inf" if value > 0 else "-Inf")


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
