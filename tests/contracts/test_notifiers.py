"""The contract of a receiver of events, on the fake and on every notifier over real HTTP."""

from __future__ import annotations

import pytest

from contracts.notifier_worlds import WORLDS
from fakes.notifier import event
from nova_watchdog.ports import NotifyError

# apprise imports a module that Python 3.13 drops, and has its replacement ready.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@pytest.fixture(params=sorted(WORLDS))
async def world(request):
    made = WORLDS[request.param]()
    await made.start()
    yield made
    await made.close()


async def test_a_beginning_and_its_end_arrive(world):
    """As such."""
    await world.port.send([event("a")])
    await world.port.send([event("a", over=True)])
    assert world.told() == ["+", "-"]


async def test_several_arrive_in_their_order(world):
    """In one request or in several."""
    await world.port.send([event("a"), event("b"), event("a", over=True)])
    assert world.told() == ["+", "+", "-"]


async def test_a_failure_is_told_and_nothing_counts_as_delivered(world):
    """With a reason, and worth another attempt."""
    world.fail()
    with pytest.raises(NotifyError, match="HTTP 500") as caught:
        await world.port.send([event("a")])
    assert not caught.value.gives_up
    assert world.told() == []


async def test_it_works_again_once_the_receiver_does(world):
    """Without being made anew."""
    world.fail()
    with pytest.raises(NotifyError):
        await world.port.send([event("a")])
    world.mend()
    await world.port.send([event("a")])
    assert world.told() == ["+"]
