"""The example of a configuration for Alertmanager: one trouble is one page."""

from __future__ import annotations

import itertools
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.real_parts import Alertmanager, Receiver, alertmanager, until
from alerts.scenes import ALERTS, BUS, JOB, VCENTER, alert_rules
from nova_watchdog.core.events import Severity

FILE = ALERTS / "alertmanager.example.yml"
RECEIVERS = {"critical": "pager", "warning": "ticket", "info": "chat", "none": "dead-mans-switch"}


def example() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return found


def alert(name: str, pairing: str = "", **labels: str) -> dict[str, str]:
    """As its rule labels it, the place given."""
    found = {"alertname": name, "severity": alert_rules()[name]["labels"]["severity"], "job": JOB}
    return {**found, **({"pairing": pairing} if pairing else {}), **labels}


def amtool(*arguments: str) -> str:
    done = subprocess.run(["amtool", *arguments], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.real
def test_amtool_takes_the_example() -> None:
    """Alertmanager's own tool finds nothing wrong."""
    assert "SUCCESS" in amtool("check-config", str(FILE))


def routes() -> list[tuple[dict[str, str], str]]:
    """Labels, and the receiver that they lead to."""
    rules = [
        ({"alertname": name, "severity": rule["labels"]["severity"]}, RECEIVERS[rule["labels"]["severity"]])
        for name, rule in sorted(alert_rules().items())
    ]
    events = [
        ({"alertname": "WatchdogActed", "controller": "ctl1", "severity": one.value}, RECEIVERS[one.value])
        for one in Severity
    ]
    return [*rules, *events]


@pytest.mark.real
@pytest.mark.parametrize(("labels", "receiver"), routes(), ids=lambda value: str(value)[:60])
def test_every_alert_is_routed_by_its_severity(labels: Mapping[str, str], receiver: str) -> None:
    """amtool follows the routes."""
    told = [f"{name}={value}" for name, value in labels.items()]
    amtool("config", "routes", "test", f"--config.file={FILE}", f"--verify.receivers={receiver}", *told)


def test_inhibitions_name_alerts_that_exist_and_labels_that_they_have() -> None:
    """A typing error would inhibit nothing, or everything."""
    for rule in example()["inhibit_rules"]:
        assert rule["equal"][0] == "job"
        assert set(rule["equal"]) <= {"job", "pairing", "vcenter", "bus"}
        for side in ("source_matchers", "target_matchers"):
            (matcher,) = rule[side]
            names = re.sub(r'^alertname\s*=~?\s*|"', "", matcher).split("|")
            assert set(names) <= set(alert_rules()), matcher


def test_nothing_less_severe_holds_back_a_page() -> None:
    """A warning that nobody reads at night must not hide what wakes somebody."""
    severity = {name: rule["labels"]["severity"] for name, rule in alert_rules().items()}
    for rule in example()["inhibit_rules"]:
        sources, targets = (
            set(re.findall(r"\b[A-Z]\w+", rule[side][0])) for side in ("source_matchers", "target_matchers")
        )
        if any(severity[name] == "critical" for name in targets):
            assert {severity[name] for name in sources} == {"critical"}, rule


class World:
    """A real Alertmanager and who it tells."""

    def __init__(self, part: Alertmanager, receiver: Receiver) -> None:
        self.part = part
        self.receiver = receiver
        self._marks = itertools.count()

    def settle(self) -> None:
        """Wait until what was posted has been told, or would have been: a later alert has come."""
        for _ in range(2):
            mark = f"Mark{next(self._marks)}"
            self.part.fire([{"alertname": mark, "severity": "critical", "job": "mark"}])
            until(partial(self._has_told, mark), mark)

    def _has_told(self, mark: str) -> bool:
        return ("firing", [mark]) in self.receiver.told("pager")

    def told(self, receiver: str) -> list[tuple[str, list[str]]]:
        """Without the marks."""
        return [note for note in self.receiver.told(receiver) if not note[1][0].startswith("Mark")]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    receiver = Receiver()
    with receiver.serve() as address, alertmanager(example(), address, tmp_path) as part:
        yield World(part, receiver)


def behind_a_vcenter(names: Sequence[str], vcenter: str = VCENTER) -> list[dict[str, str]]:
    """What ten pairings raise when their vCenter goes, some with a dead process, some stuck."""
    place = {"vcenter": vcenter, "bus": BUS}
    found = [alert("PairingDown", name, **place) for name in names]
    found += [alert("StuckDisabled", name, **place) for name in names[:3]]
    found += [alert("ReadingMissing", name, reading="inventory", **place) for name in names]
    return found


TEN = [f"cluster-{letter}" for letter in "abcdefghij"]


@pytest.mark.real
@pytest.mark.parametrize("first", ["the vCenter's alert", "the pairings' alerts"])
def test_a_vcenter_outage_with_ten_pairings_is_one_page(world: World, first: str) -> None:
    """And one resolution, in whichever order Prometheus tells."""
    vcenter, pairings = [alert("VCenterDown", vcenter=VCENTER)], behind_a_vcenter(TEN)
    together = [*vcenter, *pairings] if first == "the vCenter's alert" else [*pairings, *vcenter]
    world.part.fire(together)
    world.settle()
    assert world.told("pager") == [("firing", ["VCenterDown"])]
    assert world.told("ticket") == []
    world.part.resolve(pairings)
    world.part.resolve(vcenter)
    until(lambda: len(world.told("pager")) > 1, "the resolution")
    world.settle()
    assert world.told("pager") == [("firing", ["VCenterDown"]), ("resolved", ["VCenterDown"])]
    assert world.told("ticket") == []


@pytest.mark.real
def test_an_outage_hides_nothing_of_another_vcenter(world: World) -> None:
    """A pairing elsewhere that is down is a page of its own."""
    other = {"vcenter": "vc2.example.com:443", "bus": BUS}
    world.part.fire([alert("VCenterDown", vcenter=VCENTER), *behind_a_vcenter(TEN)])
    world.part.fire([alert("PairingDown", "cluster-z", **other)])
    world.settle()
    assert sorted(world.told("pager")) == [
        ("firing", ["PairingDown cluster-z"]),
        ("firing", ["VCenterDown"]),
    ]


@pytest.mark.real
@pytest.mark.parametrize("source", ["BusDown", "ConductorsDown"])
def test_a_bus_without_messages_is_one_page(world: World, source: str) -> None:
    """So is a bus without conductors; pairings on another one are not meant."""
    behind = [alert("PairingDown", name, vcenter=VCENTER, bus=BUS) for name in TEN]
    elsewhere = alert("PairingDown", "cluster-z", vcenter=VCENTER, bus="rabbit://mq2.example.com:5672/cell2")
    world.part.fire([alert(source, bus=BUS), *behind, elsewhere])
    world.settle()
    assert sorted(world.told("pager")) == [("firing", [source]), ("firing", ["PairingDown cluster-z"])]


@pytest.mark.real
@pytest.mark.parametrize(
    "specific",
    [
        "BudgetSpent",
        "ProcessHung",
        "NotReporting",
        "ClusterGone",
        "UnitStuck",
        "DuplicateNovaCompute",
        "PairingUnowned",
    ],
)
def test_the_specific_page_of_a_pairing_holds_back_the_general_one(world: World, specific: str) -> None:
    """Of that pairing alone: its neighbour's is told."""
    place = {"vcenter": VCENTER, "bus": BUS}
    world.part.fire(
        [
            alert(specific, "cluster-a", **place),
            alert("PairingDown", "cluster-a", **place),
            alert("PairingDown", "cluster-b", **place),
        ]
    )
    world.settle()
    assert sorted(world.told("pager")) == sorted(
        [("firing", [f"{specific} cluster-a"]), ("firing", ["PairingDown cluster-b"])]
    )


@pytest.mark.real
def test_a_store_that_is_away_is_one_page(world: World) -> None:
    """Whatever stops at its deadline, and whichever controller says so."""
    place = {"vcenter": VCENTER, "bus": BUS}
    stopped = [alert(name, one, **place) for name in ("PairingDown", "PairingUnowned") for one in TEN]
    lesser = [alert("NoStandbyReady", name, **place) for name in TEN]
    seen = [alert("StoreUnreachable", instance=f"ctl{number}:9743") for number in (1, 2, 3)]
    world.part.fire([alert("StoreDown"), *stopped, *lesser, *seen])
    world.settle()
    assert world.told("pager") == [("firing", ["StoreDown"])]
    assert world.told("ticket") == []


@pytest.mark.real
def test_a_full_store_is_one_page(world: World) -> None:
    """The one that says why nobody can renew, and whatever that stops."""
    stopped = [alert("PairingDown", one, vcenter=VCENTER, bus=BUS) for one in TEN]
    seen = alert("StoreUnreachable", instance="ctl1:9743")
    full = alert("StoreAlarm", alarm="NOSPACE")
    world.part.fire([full, alert("StoreDown"), alert("StoreFilling"), seen, *stopped])
    world.settle()
    assert world.told("pager") == [("firing", ["StoreAlarm"])]
    assert world.told("ticket") == []


@pytest.mark.real
def test_two_that_run_are_one_page(world: World) -> None:
    """Of a pairing that is held, the alert of holding is the one that tells."""
    place = {"vcenter": VCENTER, "bus": BUS}
    world.part.fire(
        [
            alert("TwoActive", "cluster-a"),
            alert("DuplicateNovaCompute", "cluster-a"),
            alert("PairingDown", "cluster-a", **place),
            alert("PairingDegraded", "cluster-a", **place),
            alert("DuplicateNovaCompute", "cluster-b"),
        ]
    )
    world.settle()
    assert sorted(world.told("pager")) == [
        ("firing", ["DuplicateNovaCompute cluster-b"]),
        ("firing", ["TwoActive cluster-a"]),
    ]
    assert world.told("ticket") == []


@pytest.mark.real
def test_pairings_that_fall_together_are_one_page(world: World) -> None:
    """Also without an alert that explains it, as when one controller loses its path."""
    world.part.fire([alert("PairingDown", name, vcenter=VCENTER, bus=BUS) for name in TEN])
    world.settle()
    assert world.told("pager") == [("firing", [f"PairingDown {name}" for name in TEN])]


@pytest.mark.real
def test_the_daemons_own_word_goes_to_the_chat_and_its_failure_to_a_ticket(world: World) -> None:
    """By the severity that the daemon gives them; neither wakes anybody."""
    own = {"pairing": "cluster-a", "controller": "ctl1", "key": "ctl1/cluster-a/1"}
    world.part.fire(
        [
            {"alertname": "WatchdogActed", "severity": "info", **own},
            {"alertname": "WatchdogActionFailed", "severity": "warning", **own},
        ]
    )
    until(lambda: bool(world.told("chat")) and bool(world.told("ticket")), "both are told")
    assert world.told("chat") == [("firing", ["WatchdogActed cluster-a"])]
    assert world.told("ticket") == [("firing", ["WatchdogActionFailed cluster-a"])]
    assert world.told("pager") == []


@pytest.mark.real
def test_the_heartbeat_is_told_again_and_again(world: World) -> None:
    """To the dead man's switch, and to nobody else."""
    world.part.fire([alert("WatchdogHeartbeat")])
    until(lambda: len(world.told("dead-mans-switch")) >= 3, "three heartbeats")
    assert set(map(str, world.told("dead-mans-switch"))) == {"('firing', ['WatchdogHeartbeat'])"}
    assert world.told("pager") == world.told("ticket") == world.told("chat") == []
