"""What is closed at the message bus when a holder is lost, on a real RabbitMQ with its management API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.stand_ins.forwarder import Forwarder
from contracts.stand_ins.rabbitmq import PASSWORD
from contracts.stand_ins.rabbitmq_managed import (
    ADMINISTRATOR,
    MANAGEMENT_PORT,
    ONLOOKER,
    DeafConsumer,
    ManagedRabbitMq,
    SecondRabbitMq,
    managed,
)
from contracts.waiting import PATIENCE_S
from nova_watchdog.adapters.rabbitmq_management import RabbitManagement
from nova_watchdog.ports import ActionRefusedError

__all__ = ["managed"]

pytestmark = pytest.mark.lab

HOST = "vcenter-a"
QUEUE = f"compute.{HOST}"


@pytest.fixture
async def api(managed: ManagedRabbitMq) -> AsyncIterator[Forwarder]:
    """The way to the management API."""
    forwarder = Forwarder(lambda: managed.connect(MANAGEMENT_PORT))
    await forwarder.start()
    yield forwarder
    await forwarder.refuse()


@pytest.fixture
def consuming(managed: ManagedRabbitMq) -> Iterator[Callable[..., DeafConsumer]]:
    """Makes consumers, and ends them after the test."""
    made: list[DeafConsumer] = []

    def make(*queues: str, **where: Any) -> DeafConsumer:
        made.append(DeafConsumer(managed, *queues, **where).begin())
        return made[-1]

    yield make
    for one in made:
        one.end()


def fence(
    api: Forwarder,
    *,
    username: str = ADMINISTRATOR,
    password: str = PASSWORD,
    virtual_host: str | None = "/",
    timeout_s: float = PATIENCE_S,
) -> RabbitManagement:
    return RabbitManagement(
        f"http://127.0.0.1:{api.port}/",
        username,
        lambda: password,
        lambda _host: virtual_host,
        timeout_s=timeout_s,
    )


async def closed(fence: RabbitManagement, expected: int, host: str = HOST) -> None:
    """Close until that many were closed in all: a new consumer shows up in the list after a moment."""
    count = 0
    async with asyncio.timeout(PATIENCE_S):
        while count < expected:
            count += await fence.close_consumers(host)
    assert count == expected
    assert await fence.close_consumers(host) == 0


async def test_a_deaf_consumer_is_gone_when_it_is_closed(managed, api, consuming):
    """RabbitMQ would keep it for minutes, and go on delivering to it."""
    consuming(QUEUE, "compute", "compute_fanout_1")
    assert managed.consumers(QUEUE) == 1
    await closed(fence(api), 1)
    assert [managed.consumers(name) for name in (QUEUE, "compute", "compute_fanout_1")] == [0, 0, 0]


async def test_every_connection_of_that_queue_is_closed_and_no_other(managed, api, consuming):
    """Several of one host; another host's, and one that shares a queue with it, stay."""
    for _ in range(3):
        consuming(QUEUE)
    consuming("compute.vcenter-ab", "compute")
    consuming("compute", f"{QUEUE}.x")
    await closed(fence(api), 3)
    assert managed.consumers(QUEUE) == 0
    assert managed.consumers("compute.vcenter-ab") == 1
    assert managed.consumers("compute") == 2


async def test_a_connection_with_two_consumers_counts_once(managed, api, consuming):
    """It is closed with all its channels."""
    consuming(QUEUE, QUEUE)
    await closed(fence(api), 1)
    assert managed.consumers(QUEUE) == 0


async def test_nothing_to_close_is_no_mistake(api):
    """No queue, or nobody at it."""
    assert await fence(api).close_consumers("never-heard-of") == 0


@pytest.mark.parametrize("name", ["nova", "/nova", "a b%"])
async def test_the_virtual_host_counts(managed, api, consuming, name):
    """Whatever its name; the same queue of another one is not touched."""
    managed.add_virtual_host(name)
    consuming(QUEUE)
    consuming(QUEUE, virtual_host=name)
    await closed(fence(api, virtual_host=name), 1)
    assert managed.consumers(QUEUE) == 1


async def test_a_virtual_host_that_is_not_there_is_told(api):
    """Not the same as a queue without consumers."""
    with pytest.raises(ActionRefusedError, match="404: there is no such virtual host"):
        await fence(api, virtual_host="nope").close_consumers(HOST)


async def test_a_bus_that_this_api_does_not_manage_is_told(api):
    """Nothing is asked."""
    with pytest.raises(ActionRefusedError, match="the message bus of vcenter-a is not the one at"):
        await fence(api, virtual_host=None).close_consumers(HOST)
    assert api.accepted == 0


async def test_a_refused_account_is_told_without_its_password(api):
    """The text goes to the log."""
    with pytest.raises(ActionRefusedError, match="401: the account is refused") as told:
        await fence(api, password="contract-wrong").close_consumers(HOST)
    assert "contract-wrong" not in str(told.value)


async def test_an_account_that_may_only_look_closes_nothing(managed, api, consuming):
    """The tag that it lacks is named."""
    consuming(QUEUE)
    with pytest.raises(ActionRefusedError, match=r"1 of 1 connections still .* 'administrator'"):
        await closed(fence(api, username=ONLOOKER), 1)
    assert managed.consumers(QUEUE) == 1


async def test_a_broker_that_is_away_or_silent_is_told(api):
    """Within the bound."""
    api.fall_silent()
    with pytest.raises(ActionRefusedError, match=r"no answer within 0.2 s"):
        await fence(api, timeout_s=0.2).close_consumers(HOST)
    api.flow()
    gone = fence(api)
    await api.refuse()
    with pytest.raises(ActionRefusedError, match="cannot connect"):
        await gone.close_consumers(HOST)


async def test_a_connection_to_another_broker_of_the_cluster_is_closed_too(
    managed, api, consuming, tmp_path: Path
):
    """One broker's API is that of them all."""
    second = SecondRabbitMq(managed, tmp_path)
    try:
        await asyncio.to_thread(second.start)
        consuming(QUEUE, port=SecondRabbitMq.PORT)
        consuming(QUEUE)
        await closed(fence(api), 2)
        assert managed.consumers(QUEUE) == 0
    finally:
        await asyncio.to_thread(second.stop)
