"""The simulated nova-computes, Nova and the message bus: one truth for all controllers."""

from __future__ import annotations

from random import Random

import pytest

from nova_watchdog.core.model import Answer, BusOutcome, ServiceRecord, VCenterOutcome
from nova_watchdog.ports import ActionRefusedError, ProbeError, ResultUnknownError
from nova_watchdog.simulation.parts.bus import BusPort, SimulatedBus
from nova_watchdog.simulation.parts.compute import Cloud, ComputeProcesses, Identity, start_rogue
from nova_watchdog.simulation.parts.machine import Machine
from nova_watchdog.simulation.parts.network import BUS, NOVA, VCENTER
from nova_watchdog.simulation.parts.nova import NovaPort, SimulatedNova
from nova_watchdog.simulation.parts.vcenter import VCenterPort, VCenterTruth
from simulation.parts.rig import UNIT, Rig

HOST = "vcenter-a"


class CloudRig(Rig):
    """A controller with its ports to a cloud."""

    def __init__(self) -> None:
        super().__init__()
        self.nova = SimulatedNova(self.timeline, {HOST: "domain-c1.uuid"})
        self.vcenter = VCenterTruth({"DC0_C0": "domain-c1"}, uuid="uuid")
        self.bus = SimulatedBus(self.timeline)
        chance = Random(2)  # noqa: S311 - chance that repeats
        self.cloud = Cloud(self.network, self.nova, self.bus, {VCENTER: self.vcenter}, chance)
        self.computes = ComputeProcesses(self.systemd, {UNIT: Identity(HOST)}, self.cloud)
        self.nova_port = NovaPort("ctl1", self.nova, self.network)
        self.bus_port = BusPort("ctl1", self.bus, self.network, (HOST,))
        self.vcenter_port = VCenterPort("ctl1", self.vcenter, self.network)
        self.grant()

    @property
    def record(self) -> ServiceRecord:
        """Nova's record as its API would show it."""
        return self.nova.read_now().computes[HOST]

    def beats_in(self, seconds: float) -> bool:
        """Whether Nova hears a heartbeat in that time."""
        before = self.record.updated_at
        self.wait(seconds)
        return self.record.updated_at != before


def test_a_process_beats_after_10_to_14_s_and_then_every_10_s() -> None:
    """It consumes a little earlier."""
    rig = CloudRig()
    rig.start()
    assert not rig.beats_in(8.5)
    assert rig.bus.compute(HOST).consumers == 1
    assert rig.beats_in(5)
    assert rig.record.up
    assert rig.beats_in(10.1)


def test_a_dead_one_is_up_for_60_s_more() -> None:
    """By Nova's own clock; its consumer is gone at once."""
    rig = CloudRig()
    rig.start()
    rig.wait(20)
    rig.systemd.kill_by_human(UNIT)
    assert rig.bus.compute(HOST).consumers == 0
    rig.wait(45)
    assert rig.record.up
    rig.wait(20)
    assert not rig.record.up


def test_a_refusing_vcenter_ends_a_process_that_starts() -> None:
    """With code 1 after 4 s; one that runs already goes on."""
    rig = CloudRig()
    rig.vcenter.cut()
    rig.start()
    rig.wait(5)
    assert (rig.state.detail, rig.state.has_process) == ("exit-code=1", False)
    rig.vcenter.heal()
    rig.start()
    rig.wait(20)
    rig.vcenter.cut()
    assert rig.beats_in(20)


def test_a_wrong_password_ends_a_process_that_starts() -> None:
    """A little later."""
    rig = CloudRig()
    rig.vcenter.refuse_login()
    rig.start()
    rig.wait(5)
    assert rig.state.has_process
    rig.wait(3)
    assert rig.state.detail == "exit-code=1"


def test_a_silent_vcenter_holds_up_a_start_until_it_answers() -> None:
    """There is no timeout in the login."""
    rig = CloudRig()
    rig.vcenter.silence()
    rig.start()
    assert not rig.beats_in(300)
    assert rig.state.has_process
    rig.vcenter.heal()
    assert rig.beats_in(20)


def test_a_stop_takes_165_s_while_vcenter_is_away_from_this_controller() -> None:
    """And 4 s else."""
    rig = CloudRig()
    rig.start()
    rig.wait(20)
    rig.network.cut("ctl1", VCENTER)
    rig.systemd.stop_by_human(UNIT)
    rig.wait(164)
    assert rig.state.has_process
    rig.wait(2)
    assert not rig.state.has_process


@pytest.mark.parametrize("what", ["bus link", "bus", "block", "conductors", "hang", "machine"])
def test_what_keeps_a_heartbeat_from_nova(what: str) -> None:
    """Each alone is enough, and all but the hang heal."""
    rig = CloudRig()
    rig.start()
    rig.wait(20)
    breaks = {
        "bus link": lambda: rig.network.cut("ctl1", BUS, requests=False),
        "bus": rig.bus.cut,
        "block": rig.bus.block,
        "conductors": rig.cloud.end_conductors,
        "hang": lambda: rig.computes.hang(UNIT),
        "machine": rig.machine.freeze,
    }
    breaks[what]()
    rig.wait(1)
    assert not rig.beats_in(60)
    rig.network.heal_all()
    rig.bus.heal()
    rig.cloud.begin_conductors()
    rig.machine.thaw()
    rig.wait(0)
    assert rig.beats_in(12) is (what != "hang")


def test_the_broker_keeps_a_silent_consumer_for_147_s() -> None:
    """A hung or cut off process is still served its share of the messages."""
    rig = CloudRig()
    rig.start()
    rig.wait(20)
    rig.machine.kill()
    rig.wait(120)
    assert (rig.bus.compute(HOST).consumers, rig.bus.compute(HOST).ping) == (1, Answer.UNANSWERED)
    rig.wait(60)
    assert rig.bus.compute(HOST).consumers == 0


def test_a_rogue_process_beats_and_consumes_too() -> None:
    """On a machine that has no watchdog; pings go to one after the other."""
    rig = CloudRig()
    rig.start()
    other = Machine("ctl9", rig.timeline)
    rogue = start_rogue(Identity(HOST), other, rig.cloud)
    rig.wait(20)
    assert rig.bus.compute(HOST).consumers == 2
    rig.systemd.kill_by_human(UNIT)
    assert rig.beats_in(15)
    rogue.end()
    rig.wait(1)
    assert not rig.beats_in(60)


def test_the_driver_disables_its_service_and_enables_it_again() -> None:
    """After 481 s of refusals; the same process takes it back, another one never does."""
    rig = CloudRig()
    rig.start()
    rig.wait(20)
    disabled: list[bool] = []

    def after(seconds: float) -> None:
        rig.wait(seconds)
        disabled.append(rig.record.disabled)

    rig.vcenter.cut()
    after(480)
    after(30)
    rig.vcenter.heal()
    after(100)
    rig.vcenter.cut()
    rig.wait(520)
    rig.systemd.kill_by_human(UNIT)
    rig.vcenter.heal()
    rig.start()
    after(300)
    assert disabled == [False, True, False, True]


def test_conductors_that_are_gone_are_seen_after_60_s() -> None:
    """As their own records age."""
    rig = CloudRig()
    rig.cloud.end_conductors()
    rig.wait(59)
    assert rig.nova.read_now().conductors_up == 1
    rig.wait(2)
    assert rig.nova.read_now().conductors_up == 0
    rig.cloud.begin_conductors()
    assert rig.nova.read_now().conductors_up == 1


def test_each_controller_sees_the_cloud_from_where_it_stands() -> None:
    """A cut between it and one service is its own."""
    rig = CloudRig()
    rig.start()
    rig.wait(20)
    other = VCenterPort("ctl2", rig.vcenter, rig.network)
    rig.network.cut("ctl1", VCENTER)
    assert rig.do(rig.vcenter_port.read()).outcome is VCenterOutcome.UNREACHABLE
    assert rig.do(other.read()).outcome is VCenterOutcome.OK
    with pytest.raises(ProbeError, match="no answer"):
        rig.do(rig.vcenter_port.inspect())
    rig.network.cut("ctl1", BUS)
    assert rig.do(rig.bus_port.read()).outcome is BusOutcome.UNREACHABLE
    rig.network.cut("ctl1", NOVA)
    with pytest.raises(ProbeError, match="no answer"):
        rig.do(rig.nova_port.read())
    rig.network.heal_all()
    assert rig.do(rig.vcenter_port.read()).clusters == {"DC0_C0": "domain-c1"}
    assert set(rig.do(rig.vcenter_port.inspect()).clusters) == {"DC0_C0"}
    view = rig.do(rig.bus_port.read())
    assert (view.outcome, view.conductor, view.computes[HOST].ping) == (
        BusOutcome.OK,
        Answer.ANSWERED,
        Answer.ANSWERED,
    )
    assert set(rig.do(rig.nova_port.workload()).hosts) == {HOST}


def test_enabling_may_happen_without_an_answer() -> None:
    """And is refused for what an operator disabled."""
    rig = CloudRig()
    rig.nova.disable_by_operator(HOST)
    with pytest.raises(ActionRefusedError):
        rig.do(rig.nova_port.enable(HOST, only_if_reason="x"))
    rig.network.cut("ctl1", NOVA, requests=False)
    with pytest.raises(ResultUnknownError):
        rig.do(rig.nova_port.enable(HOST, only_if_reason="maintenance"))
    assert not rig.record.disabled
