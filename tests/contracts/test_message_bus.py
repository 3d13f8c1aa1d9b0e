"""The contract of a message bus, on the fake and on the adapter against a real RabbitMQ."""

from __future__ import annotations

import pytest

from contracts.bus_worlds import CONDUCTOR, HOSTS, FakeWorld, RabbitWorld, topic
from nova_watchdog.core.model import Answer, BusOutcome

FIRST, SECOND = HOSTS


@pytest.fixture(params=["fake", pytest.param("rabbitmq", marks=pytest.mark.lab)])
async def world(request):
    real = request.param == "rabbitmq"
    made = RabbitWorld(request.getfixturevalue("rabbitmq")) if real else FakeWorld()
    yield await made.open()
    await made.close()


async def consumers(world, host, count):
    """Read until the broker counts that many: it learns of the end of a consumer a moment later."""
    for _ in range(50):
        view = await world.port.read()
        if view.computes[host].consumers == count:
            return view
    raise AssertionError(f"{view.computes[host].consumers} consumers, not {count}")


async def test_a_healthy_bus_shows_every_process_as_answering(world):
    """Our own message came back, the conductor and each nova-compute answered."""
    view = await world.port.read()
    assert view.outcome is BusOutcome.OK
    assert view.detail == ""
    assert view.conductor is Answer.ANSWERED
    assert list(view.computes) == list(HOSTS)
    for compute in view.computes.values():
        assert (compute.ping, compute.consumers, compute.queued) == (Answer.ANSWERED, 1, 0)
        assert compute.took_s is not None
        assert compute.took_s >= 0


async def test_it_logs_in_once(world):
    """One connection, however many rounds."""
    for _ in range(4):
        assert (await world.port.read()).outcome is BusOutcome.OK
    assert world.logins() == 1


async def test_a_process_that_hangs_is_unanswered_and_still_a_consumer(world):
    """It delays no other one's ping, and it is seen again when it goes on."""
    world.silence(topic(FIRST))
    view = await world.port.read()
    assert view.outcome is BusOutcome.OK
    assert (view.computes[FIRST].ping, view.computes[FIRST].took_s) == (Answer.UNANSWERED, None)
    assert view.computes[FIRST].consumers == 1
    assert view.computes[SECOND].ping is Answer.ANSWERED
    assert view.conductor is Answer.ANSWERED
    world.start_again(topic(FIRST))
    assert (await world.port.read()).computes[FIRST].ping is Answer.ANSWERED


async def test_a_process_that_is_gone_leaves_a_queue_without_consumers(world):
    """What was sent there was delivered to nobody."""
    world.end(topic(FIRST))
    view = await consumers(world, FIRST, 0)
    assert view.computes[FIRST].ping is Answer.UNANSWERED
    assert view.computes[SECOND].ping is Answer.ANSWERED


async def test_two_processes_on_one_queue_are_two_consumers(world):
    """The sign of two active ones."""
    world.start_second(topic(FIRST))
    assert (await world.port.read()).computes[FIRST].consumers == 2


async def test_without_a_queue_nobody_was_asked(world):
    """That says nothing of the process. Once there is a queue, it is seen at the next round."""
    world.remove_queue(topic(FIRST))
    for _ in range(3):
        absent = (await world.port.read()).computes[FIRST]
        assert (absent.ping, absent.took_s, absent.consumers, absent.queued) == (
            Answer.UNASKED,
            None,
            None,
            None,
        )
    world.start_again(topic(FIRST))
    back = (await world.port.read()).computes[FIRST]
    assert (back.ping, back.consumers) == (Answer.ANSWERED, 1)


async def test_a_conductor_that_is_silent_is_told_apart(world):
    """A nova-compute is not blamed for it."""
    world.silence(CONDUCTOR)
    view = await world.port.read()
    assert view.conductor is Answer.UNANSWERED
    assert view.computes[FIRST].ping is Answer.ANSWERED


async def test_without_a_conductor_queue_no_conductor_was_asked(world):
    """As on a bus that no conductor ever used."""
    world.remove_queue(CONDUCTOR)
    assert (await world.port.read()).conductor is Answer.UNASKED
    world.start_again(CONDUCTOR)
    assert (await world.port.read()).conductor is Answer.ANSWERED


async def test_a_bus_that_is_cut_off_is_unreachable_until_it_is_back(world):
    """With a detail, and with no word on anybody else."""
    await world.port.read()
    await world.cut()
    for _ in range(2):
        view = await world.port.read()
        assert view.outcome is BusOutcome.UNREACHABLE
        assert "refused" in view.detail
        assert (view.conductor, dict(view.computes)) == (Answer.UNASKED, {})
    await world.restore()
    assert (await world.port.read()).outcome is BusOutcome.OK


async def test_a_broker_alarm_is_blocked_and_not_unreachable(world):
    """Nobody may publish: no verdict on any process, and no new login each time."""
    await world.port.read()
    world.raise_alarm()
    for _ in range(3):
        view = await world.port.read()
        assert view.outcome is BusOutcome.BLOCKED
        assert "alarm" in view.detail
        assert (view.conductor, dict(view.computes)) == (Answer.UNASKED, {})
    world.clear_alarm()
    await until_ok(world)
    assert world.logins() == 1


async def test_an_alarm_that_was_there_first_is_blocked_too(world):
    """As at the daemon's start."""
    world.raise_alarm()
    assert (await world.port.read()).outcome is BusOutcome.BLOCKED
    world.clear_alarm()
    await until_ok(world)


async def test_a_refused_secret_is_sent_once(world):
    """The outcome is repeated from memory."""
    world.use_wrong_secret()
    for _ in range(4):
        view = await world.port.read()
        assert view.outcome is BusOutcome.LOGIN_REFUSED
        assert "ACCESS_REFUSED" in view.detail
    assert world.logins() == 1


async def test_a_corrected_secret_is_tried_at_once(world):
    """The secret changed, so the refusal says nothing any more."""
    world.use_wrong_secret()
    await world.port.read()
    world.use_right_secret()
    assert (await world.port.read()).outcome is BusOutcome.OK


async def test_a_bus_that_is_down_shows_so_while_the_login_is_refused(world):
    """The refusal is remembered, the outage is seen: it says more about what to do."""
    world.use_wrong_secret()
    await world.port.read()
    await world.cut()
    assert (await world.port.read()).outcome is BusOutcome.UNREACHABLE
    await world.restore()


async def until_ok(world):
    """The broker tells its clients of the end of an alarm a moment later."""
    for _ in range(200):
        if (await world.port.read()).outcome is BusOutcome.OK:
            return
    raise AssertionError("the bus did not come back")
