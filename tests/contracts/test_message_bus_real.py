"""The message bus adapter against the lab's own bus, with real nova-computes and a real conductor on it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from contracts.bus_worlds import options
from contracts.stand_ins.forwarder import Forwarder
from contracts.waiting import PATIENCE_S
from lab import accounts
from lab.client import Lab
from lab.parts import endpoints
from lab.topology import SERVERS_ADDRESS
from nova_watchdog.adapters.clock import SystemClock
from nova_watchdog.adapters.message_bus import RabbitMessageBus
from nova_watchdog.core.model import Answer, BusOutcome, BusView

pytestmark = pytest.mark.lab

NOBODY = "vcenter-nobody"
# Nova takes far less; a machine that is busy with other things may take a while.
PING_TIMEOUT_S = 10.0


@pytest.fixture
async def bus(running_lab: Lab) -> AsyncIterator[RabbitMessageBus]:
    """The adapter for every nova-compute of the lab, and for one that does not exist."""
    forwarder = Forwarder(
        lambda: running_lab.connect(SERVERS_ADDRESS, endpoints.RABBITMQ_PORT, timeout_s=PATIENCE_S)
    )
    await forwarder.start()
    account = f"{accounts.RABBITMQ_USER}:{accounts.RABBITMQ_PASSWORD}"
    made = RabbitMessageBus(
        lambda: options(f"rabbit://{account}@127.0.0.1:{forwarder.port}/"),
        [*(pairing.host for pairing in running_lab.pairings), NOBODY],
        timeout_s=2 * PATIENCE_S,
        ping_timeout_s=PING_TIMEOUT_S,
        clock=SystemClock(),
    )
    yield made
    await made.close()
    await forwarder.refuse()
    running_lab.clear_all()


async def outcome(bus: RabbitMessageBus, expected: BusOutcome) -> BusView:
    """Read until the bus shows that: RabbitMQ takes a moment to act on what it was told."""
    for _ in range(50):
        view = await bus.read()
        if view.outcome is expected:
            return view
    raise AssertionError(f"{view.outcome}: {view.detail}")


async def test_nova_answers_the_pings(running_lab: Lab, bus: RabbitMessageBus):
    """Each nova-compute and the conductor, without a line about it in the conductor's log."""
    log = running_lab.paths.logs / "nova-conductor.log"
    before = len(log.read_text())
    view = await outcome(bus, BusOutcome.OK)
    assert view.conductor is Answer.ANSWERED
    for pairing in running_lab.pairings:
        compute = view.computes[pairing.host]
        assert (compute.ping, compute.consumers, compute.queued) == (Answer.ANSWERED, 1, 0)
    assert view.computes[NOBODY].ping is Answer.UNASKED
    assert "ping" not in log.read_text()[before:]


async def test_a_nova_compute_that_hangs_does_not_answer_and_the_others_do(
    running_lab: Lab, bus: RabbitMessageBus
):
    """It is still a consumer; once it goes on it answers again."""
    hung, *others = running_lab.pairings
    with running_lab.fault("stop-process", pairing=hung.name):
        view = await bus.read()
        assert view.outcome is BusOutcome.OK
        assert (view.computes[hung.host].ping, view.computes[hung.host].consumers) == (Answer.UNANSWERED, 1)
        assert {view.computes[one.host].ping for one in others} <= {Answer.ANSWERED}
        assert view.conductor is Answer.ANSWERED
    view = await bus.read()
    assert view.computes[hung.host].ping is Answer.ANSWERED


async def test_a_stopped_conductor_is_told_from_hung_nova_computes(running_lab: Lab, bus: RabbitMessageBus):
    """They answer, whether their database is reachable or not."""
    with running_lab.fault("conductor-stopped"):
        view = await outcome(bus, BusOutcome.OK)
        assert view.conductor is Answer.UNANSWERED
        assert view.computes[running_lab.pairings[0].host].ping is Answer.ANSWERED
    assert (await bus.read()).conductor is Answer.ANSWERED


async def test_a_memory_alarm_is_blocked_until_it_is_over(running_lab: Lab, bus: RabbitMessageBus):
    """No verdict on any process meanwhile."""
    await outcome(bus, BusOutcome.OK)
    with running_lab.fault("rabbitmq-memory-alarm"):
        assert dict((await outcome(bus, BusOutcome.BLOCKED)).computes) == {}
    await outcome(bus, BusOutcome.OK)
