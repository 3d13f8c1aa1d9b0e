"""The message bus adapter against a real RabbitMQ: what only a broker can show."""

from __future__ import annotations

import asyncio
import contextlib

import amqp
import pytest

from contracts.bus_worlds import CONDUCTOR, HOSTS, PING_TIMEOUT_S, RabbitWorld, options, topic
from contracts.stand_ins.forwarder import Forwarder
from contracts.stand_ins.nova_rpc import EXCHANGE, NovaProcess
from contracts.stand_ins.rabbitmq import PASSWORD, TLS_PORT, USER
from contracts.waiting import PATIENCE_S, until
from nova_watchdog.adapters.message_bus import RabbitMessageBus
from nova_watchdog.core.model import Answer, BusOutcome
from nova_watchdog.ports import ProbeError

pytestmark = pytest.mark.lab

FIRST, SECOND = HOSTS


@pytest.fixture
async def world(rabbitmq):
    made = await RabbitWorld(rabbitmq).open()
    yield made
    await made.close()


def other(world, url, timeout_s=PATIENCE_S, **rabbit):
    """Another adapter on the same broker."""
    return RabbitMessageBus(
        lambda: options(url, **rabbit),
        HOSTS,
        timeout_s=timeout_s,
        ping_timeout_s=PING_TIMEOUT_S,
        clock=world.clock,
    )


async def test_a_ping_is_what_novas_own_client_would_send(world):
    """Nova's base API, an id and a queue for the reply, and a time after which it is dropped."""
    await world.port.read()
    process = world.processes(topic(FIRST))[0]
    (call,) = process.calls
    assert (call["method"], call["namespace"], call["version"]) == ("ping", "baseapi", "1.1")
    assert call["args"] == {"arg": "nova-watchdog"}
    assert call["_msg_id"]
    assert call["_reply_q"].startswith("reply_")
    assert process.properties[0]["expiration"] == str(int(PING_TIMEOUT_S * 1000))
    assert process.properties[0]["content_type"] == "application/json"


async def test_a_compressed_reply_is_an_answer(world):
    """As with nova's kombu_compression = gzip."""
    world.end(topic(FIRST))
    process = NovaProcess(world.broker, topic(FIRST), compresses=True).begin()
    try:
        assert (await world.port.read()).computes[FIRST].ping is Answer.ANSWERED
    finally:
        process.end()


@pytest.mark.parametrize("hung", [0, 1])
@pytest.mark.parametrize("name", [CONDUCTOR, topic(FIRST)])
async def test_one_consumer_of_two_that_hangs_is_no_verdict_on_both(world, name, hung):
    """The broker deals messages out in turn, and keeps the consumer of a lost process for minutes."""
    world.start_second(name)
    world.processes(name)[hung].answers = False
    for _ in range(4):
        view = await world.port.read()
        assert view.conductor is Answer.ANSWERED
        assert view.computes[FIRST].ping is Answer.ANSWERED


async def test_pings_do_not_pile_up_where_nobody_takes_them(world):
    """Each is dropped by the broker when its time is over."""
    world.end(topic(FIRST))
    for _ in range(4):
        await world.port.read()
    await asyncio.sleep(PING_TIMEOUT_S)
    assert (await world.port.read()).computes[FIRST].queued == 0


async def test_nothing_is_left_at_the_broker(world):
    """Neither a queue nor a connection, also not for the hosts that have no queue."""
    world.remove_queue(topic(SECOND))
    before = world.broker.queues()
    await world.port.read()
    await world.port.close()
    assert world.broker.queues() == before
    # Those of the two processes that are left; RabbitMQ's list runs a moment behind.
    await until(lambda: world.broker.connections() == len({CONDUCTOR, topic(FIRST)}))


async def test_a_missing_queue_is_looked_for_once(world):
    """RabbitMQ logs errors for each look at a queue that is not there."""
    world.remove_queue(topic(FIRST))
    before = world.broker.log.count("no queue 'compute.vcenter-a'")
    for _ in range(4):
        await world.port.read()
    assert world.broker.log.count("no queue 'compute.vcenter-a'") == before + 1


async def test_a_queue_that_is_not_bound_is_told(world):
    """Nova reaches it no more either: nobody was asked, and the queue is still seen."""
    name = topic(FIRST)
    world.broker.on_channel(lambda channel: channel.queue_unbind(name, EXCHANGE, name))
    view = await world.port.read()
    assert view.outcome is BusOutcome.OK
    assert view.detail == "the queue compute.vcenter-a is not bound to nova's exchange"
    assert (view.computes[FIRST].ping, view.computes[FIRST].consumers) == (Answer.UNASKED, 1)


async def test_without_novas_exchange_nobody_was_asked(world):
    """A bus that nova has not used yet."""
    port = other(world, world.url)
    port._session._conf = lambda: _with_exchange(world.url, "not-there")
    view = await port.read()
    await port.close()
    assert view.outcome is BusOutcome.OK
    assert "no exchange not-there" in view.detail
    assert view.computes[FIRST].ping is Answer.UNASKED


def _with_exchange(url, exchange):
    conf = options(url)
    conf.set_override("control_exchange", exchange)
    return conf


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param({"durable": True}, id="durable"),
        pytest.param({"durable": True, "arguments": {"x-queue-type": "quorum"}}, id="quorum"),
        pytest.param({"durable": True, "arguments": {"x-max-length": 100}}, id="limited"),
    ],
)
async def test_queues_of_every_kind_are_read(world, kind):
    """A passive look does not care how nova made its queue."""
    world.remove_queue(topic(FIRST))
    name = topic(FIRST)

    def declare(channel: amqp.Channel) -> None:
        channel.queue_declare(name, auto_delete=False, **kind)
        channel.queue_bind(name, EXCHANGE, name)

    world.broker.on_channel(declare)
    try:
        seen = (await world.port.read()).computes[FIRST]
        assert (seen.ping, seen.consumers, seen.queued) == (Answer.UNANSWERED, 0, 0)
    finally:
        world.broker.on_channel(lambda channel: channel.queue_delete(name))


async def test_a_connection_that_was_ended_between_two_rounds_is_made_anew_unnoticed(world):
    """A proxy ends idle ones, a broker restarts."""
    await world.port.read()
    await world.forwarder.hang_up()
    view = await world.port.read()
    assert view.outcome is BusOutcome.OK
    assert world.logins() == 2


async def test_a_silent_path_is_unreachable_and_never_blocked(rabbitmq):
    """Our message is not confirmed then either, but nothing else is answered too."""
    world = await RabbitWorld(rabbitmq, timeout_s=4 * PING_TIMEOUT_S).open()
    try:
        assert (await world.port.read()).outcome is BusOutcome.OK
        world.forwarder.fall_silent()
        for _ in range(3):
            assert (await world.port.read()).outcome is BusOutcome.UNREACHABLE
        world.forwarder.flow()
        assert (await _until_ok(world)).computes[FIRST].ping is Answer.ANSWERED
    finally:
        await world.close()


async def test_a_broker_that_hangs_is_unreachable_until_it_goes_on(rabbitmq):
    """SIGSTOP: the kernel still takes connections and data."""
    world = await RabbitWorld(rabbitmq, timeout_s=4 * PING_TIMEOUT_S).open()
    try:
        assert (await world.port.read()).outcome is BusOutcome.OK
        rabbitmq.freeze()
        for _ in range(3):
            assert (await world.port.read()).outcome is BusOutcome.UNREACHABLE
        rabbitmq.thaw()
        assert (await _until_ok(world)).outcome is BusOutcome.OK
    finally:
        rabbitmq.thaw()
        await world.close()


async def test_the_second_broker_counts_where_the_first_is_gone(world, unused_tcp_port):
    """Any broker of the URL that answers counts, and the first good one is kept."""
    account = f"{USER}:{PASSWORD}"
    port = other(
        world, f"rabbit://{account}@127.0.0.1:{unused_tcp_port},{account}@127.0.0.1:{world.forwarder.port}/"
    )
    assert (await port.read()).outcome is BusOutcome.OK
    await port.close()


async def test_another_broker_takes_over_from_one_that_falls_silent(rabbitmq, world):
    """In the same round: the bus as a whole was never away."""
    second = Forwarder(rabbitmq.connect)
    await second.start()
    account = f"{USER}:{PASSWORD}"
    port = other(
        world, f"rabbit://{account}@127.0.0.1:{world.forwarder.port},{account}@127.0.0.1:{second.port}/", 20.0
    )
    try:
        assert (await port.read()).outcome is BusOutcome.OK
        world.forwarder.fall_silent()
        assert (await port.read()).outcome is BusOutcome.OK
        assert (await port.read()).computes[FIRST].ping is Answer.ANSWERED
        assert second.logins == 1
    finally:
        world.forwarder.flow()
        await port.close()
        await second.refuse()


async def test_looks_at_what_is_not_there_leave_no_channel_behind(world):
    """Each ends its channel, and a connection has room for two thousand."""
    world.remove_queue(topic(FIRST))
    await world.port.read()
    before = world.broker.channels()
    for _ in range(5):
        world.port._session._absent_at_s.clear()
        await world.port.read()
    assert world.broker.channels() == before


async def test_a_virtual_host_that_is_refused_is_a_refused_login(world):
    """The account may not use it, or it is not there: trying again heals nothing."""
    port = other(world, world.url + "nobodys")
    for _ in range(2):
        view = await port.read()
        assert view.outcome is BusOutcome.LOGIN_REFUSED
        assert "vhost nobodys not found" in view.detail
    await port.close()
    assert world.logins() == 1


async def test_a_refused_secret_is_tried_again_after_a_minute(world):
    """It may have been mended at the broker."""
    world.use_wrong_secret()
    await world.port.read()
    await world.clock.advance(59)
    assert "in 1 s" in (await world.port.read()).detail
    assert world.logins() == 1
    await world.clock.advance(2)
    await world.port.read()
    assert world.logins() == 2


async def test_a_rotated_secret_makes_a_new_connection(world):
    """A nova-compute that starts now would have to log in with it."""
    await world.port.read()
    world.use_wrong_secret()
    assert (await world.port.read()).outcome is BusOutcome.LOGIN_REFUSED


async def test_our_own_queue_deleted_by_an_operator_is_made_anew(world):
    """The bus is fine: no outage is told."""
    await world.port.read()
    (own,) = [name for name in world.broker.queues() if name.startswith("reply_nova-watchdog")]
    with contextlib.suppress(amqp.AMQPError):
        world.broker.delete_queue(own)
    assert (await world.port.read()).outcome is BusOutcome.OK


@pytest.mark.parametrize("check_hostname", [False, True])
async def test_tls_is_verified_with_novas_ca(rabbitmq, world, check_hostname):
    """With the host's name too, where nova's files ask for it. Without a CA nova takes any: no verdict."""
    tls = Forwarder(lambda: rabbitmq.connect(TLS_PORT))
    await tls.start()
    url = f"rabbit://{USER}:{PASSWORD}@127.0.0.1:{tls.port}/"
    good = other(
        world,
        url,
        ssl=True,
        ssl_ca_file=str(rabbitmq.certificate),
        ssl_enforce_hostname_verification=check_hostname,
    )
    bad = other(world, url, ssl=True)
    try:
        for _ in range(2):
            assert (await good.read()).computes[FIRST].ping is Answer.ANSWERED
        with pytest.raises(
            ProbeError, match=r"the certificate does not verify: .*; nova itself verifies none"
        ):
            await bad.read()
    finally:
        await good.close()
        await bad.close()
        await tls.refuse()


async def test_an_account_without_rights_is_a_failed_probe(world):
    """It logs in, and may not make a queue: that is neither an outage nor a refused login."""
    world.broker.take_rights()
    try:
        with pytest.raises(ProbeError, match="ACCESS_REFUSED"):
            await world.port.read()
    finally:
        world.broker.give_rights()
    assert (await world.port.read()).outcome is BusOutcome.OK


async def _until_ok(world):
    for _ in range(20):
        view = await world.port.read()
        if view.outcome is BusOutcome.OK:
            return view
    raise AssertionError("the bus did not come back")
