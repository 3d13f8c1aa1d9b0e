"""One scrape, read back by Prometheus' own parser, for the tests of the metrics."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client.parser import text_string_to_metric_families

from nova_watchdog.core.model import Pairing
from nova_watchdog.core.snapshot import FleetSnapshot
from nova_watchdog.telemetry.families import PREFIX
from nova_watchdog.telemetry.metrics import Exporter
from telemetry import pictures
from telemetry.pictures import Story

# The labels of the families that alerts are grouped by.
JOINED = {"pairing": "cluster-a", "vcenter": pictures.VCENTER, "bus": pictures.BUS}


class Scraped:
    """The exporter's text for one snapshot, read back by Prometheus' own parser."""

    def __init__(
        self, snapshot: FleetSnapshot, *, later_s: float = 0.0, pairings: Sequence[Pairing] = ()
    ) -> None:
        clock = pictures.StoppedClock(snapshot.now_s + later_s)
        body, _ = Exporter(lambda: snapshot, clock, pairings).render()
        self.text = body.decode()
        self.families = {family.name: family for family in text_string_to_metric_families(self.text)}
        self.samples = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in self.families.values()
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float:
        """The one sample of these labels, the prefix left out."""
        return self.samples[PREFIX + name, tuple(sorted(labels.items()))]

    def holding(self, name: str, label: str, pairing: str = "cluster-a") -> list[str]:
        """The members of a state set that are 1."""
        return [
            dict(labels)[label]
            for (sample, labels), value in self.samples.items()
            if sample == PREFIX + name and dict(labels)["pairing"] == pairing and value == 1.0
        ]


def scraped(*stories: Story, later_s: float = 0.0) -> Scraped:
    return Scraped(pictures.fleet(*stories), later_s=later_s)


def shape(found: Scraped) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
    """Every series' name and labels, the process's own and the version's left out."""
    return {key for key in found.samples if key[0].startswith(PREFIX)}
