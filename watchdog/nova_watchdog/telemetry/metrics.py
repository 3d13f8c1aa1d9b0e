"""The exporter: a custom collector that only reads the last snapshot, and its rendering."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from nova_watchdog.core.model import Pairing
from nova_watchdog.ports import Clock
from nova_watchdog.telemetry.derived import Snapshot
from nova_watchdog.telemetry.families import FAMILIES, Family, Kind, Scrape

_INFO_SUFFIX = "_info"


class FleetCollector(Collector):
    """Turns a snapshot into metric families. Does no IO and takes no lock."""

    def __init__(self, snapshot: Snapshot, clock: Clock, pairings: Sequence[Pairing] = ()) -> None:
        self._snapshot = snapshot
        self._clock = clock
        self._configured = {pairing.name: pairing for pairing in pairings}

    def describe(self) -> Iterable[Metric]:
        """Nothing: so the registry does not collect at registration."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Every family, in the order of the table."""
        snapshot = self._snapshot()
        pairings = self._configured | {name: shown.pairing for name, shown in snapshot.pairings.items()}
        ordered = tuple(pairings[name] for name in sorted(pairings))
        scrape = Scrape(snapshot, ordered, self._clock.now_s())
        for family in FAMILIES:
            yield _metric(family, scrape)


class Exporter:
    """A registry of its own, with the fleet and this process in it."""

    def __init__(self, snapshot: Snapshot, clock: Clock, pairings: Sequence[Pairing] = ()) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(FleetCollector(snapshot, clock, pairings))
        ProcessCollector(registry=self.registry)

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """The body and its content type: OpenMetrics if `accept` asks for it, otherwise Prometheus' text."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type


def _metric(family: Family, scrape: Scrape) -> Metric:
    if family.kind is Kind.INFO:
        info = InfoMetricFamily(family.name.removesuffix(_INFO_SUFFIX), family.meaning)
        for labels, _ in family.samples(scrape):
            info.add_metric((), dict(zip(family.labels, labels, strict=True)))
        return info
    kind = CounterMetricFamily if family.kind is Kind.COUNTER else GaugeMetricFamily
    metric = kind(family.name, family.meaning, labels=family.labels)
    for labels, value in family.samples(scrape):
        metric.add_metric(labels, value)
    return metric
