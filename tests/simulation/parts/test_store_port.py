"""The simulated store: one server, a port for each controller, and what goes wrong between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import pytest

from nova_watchdog.ports import StoreConflictError, StoreUnavailableError
from nova_watchdog.simulation.loop import ControllerLoop
from nova_watchdog.simulation.parts.network import STORE
from nova_watchdog.simulation.parts.store import SimulatedStore, StorePort
from simulation.parts.rig import Rig


class Stores(Rig):
    """Two controllers' ports to one server; `told` is what a watch of the second one told, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.server = SimulatedStore()
        self.one, self.two = (
            StorePort(name, self.server, self.network, self.timeline) for name in ("ctl1", "ctl2")
        )
        self.told: list[str] = []
        self.watcher = ControllerLoop(self.timeline, "watcher")

    def put(self, key: str, number: int = 0) -> int:
        """The first controller writes it, whatever it was."""
        return self.do(self.one.commit({}, {key: {"n": number}}))

    def watch(self) -> None:
        """The second controller listens."""

        async def listen(changes: AsyncIterator[str]) -> None:
            async for key in changes:
                self.told.append(key)

        async def begin() -> None:
            self.watcher.create_task(listen(self.two.watch("holds/")))

        self.watcher.create_task(begin())
        self.wait(0)


@pytest.fixture
def stores() -> Iterator[Stores]:
    made = Stores()
    yield made
    made.watcher.kill()


def test_a_lost_reply_leaves_the_writer_in_doubt(stores: Stores) -> None:
    """It was written, and another controller reads it."""
    stores.network.cut("ctl1", STORE, requests=False)
    with pytest.raises(StoreUnavailableError):
        stores.put("holds/a")
    assert set(stores.do(stores.two.read(""))) == {"holds/a"}


def test_a_late_transaction_still_compares_revisions(stores: Stores) -> None:
    """So it does nothing when somebody else was quicker."""
    revision = stores.put("holds/a")
    stores.network.slow("ctl1", STORE, 10.0, 10.0)
    with pytest.raises(StoreUnavailableError):
        stores.do(stores.one.commit({"holds/a": revision}, {"holds/a": {"n": 1}}))
    stores.do(stores.two.commit({"holds/a": revision}, {"holds/a": {"n": 2}}))
    stores.wait(60)
    assert stores.server.records.read("")["holds/a"].value == {"n": 2}
    with pytest.raises(StoreConflictError):
        stores.do(stores.two.commit({"holds/a": revision}, {"holds/a": {"n": 3}}))


def test_what_is_sent_is_what_was_asked(stores: Stores) -> None:
    """A caller that changes its value afterwards changes nothing on its way."""
    value: dict[str, Any] = {"list": [1]}

    async def commit() -> None:
        work = stores.loop.create_task(stores.one.commit({}, {"a": value}))
        stores.loop.call_later(0.0005, value["list"].append, 2)
        await work

    stores.do(commit())
    assert stores.server.records.read("")["a"].value == {"list": [1]}


def test_a_stopped_store_answers_nobody_and_keeps_what_it_has(stores: Stores) -> None:
    """No majority."""
    stores.put("holds/a")
    stores.server.stop()
    with pytest.raises(StoreUnavailableError, match="no answer"):
        stores.do(stores.one.read(""))
    stores.server.start()
    stores.server.refuse("no leader")
    with pytest.raises(StoreUnavailableError, match="no leader"):
        stores.do(stores.one.read(""))
    stores.server.start()
    assert set(stores.do(stores.one.read(""))) == {"holds/a"}


def test_a_restored_store_goes_back_with_its_revisions(stores: Stores) -> None:
    """What was written since is gone, and its revisions are given out once more."""
    first = stores.put("holds/a", 1)
    backup = stores.server.snapshot()
    second = stores.put("holds/a", 2)
    stores.put("holds/b")
    stores.server.restore(backup)
    found = stores.do(stores.two.read(""))
    assert {key: (one.value["n"], one.revision) for key, one in found.items()} == {"holds/a": (1, first)}
    assert stores.put("holds/c") == second
    stores.server.restore(backup)
    assert set(stores.do(stores.two.read(""))) == {"holds/a"}


def test_the_invariants_hear_of_each_commit(stores: Stores) -> None:
    """Of those that were refused they do not."""
    heard: list[tuple[str, Mapping[str, int], Mapping[str, Any], int]] = []
    stores.server.on_commit.append(lambda *commit: heard.append(commit))
    revision = stores.put("a", 1)
    with pytest.raises(StoreConflictError):
        stores.do(stores.two.commit({"a": 0}, {"a": {"n": 2}}))
    assert heard == [("ctl1", {}, {"a": {"n": 1}}, revision)]


def test_a_watch_tells_the_other_controller_a_moment_later(stores: Stores) -> None:
    """Only what is below its prefix."""
    stores.watch()
    stores.put("controllers/ctl1")
    stores.put("holds/a")
    stores.wait(0.1)
    assert stores.told == ["holds/a"]


def test_a_slow_watch_merges(stores: Stores) -> None:
    """Ten changes of one record in that time are one."""
    stores.two.watch_delay_s = 5.0
    stores.watch()
    for number in range(10):
        stores.put("holds/a", number)
    stores.put("holds/b")
    stores.wait(4.8)
    assert stores.told == []
    stores.wait(0.3)
    assert stores.told == ["holds/a", "holds/b"]


@pytest.mark.parametrize("kind", ["mute", "cut"])
def test_a_watch_that_was_silent_tells_the_last_change_in_the_end(stores: Stores, kind: str) -> None:
    """It may hang or be cut off; the last one is never lost."""
    stores.watch()
    if kind == "mute":
        stores.two.mute_watches()
    else:
        stores.network.cut("ctl2", STORE, requests=False)
    for number in range(3):
        stores.put("holds/a", number)
        stores.wait(20)
    assert stores.told == []
    if kind == "mute":
        stores.two.unmute_watches()
    else:
        stores.network.heal("ctl2", STORE)
    stores.wait(1)
    assert stores.told == ["holds/a"]


def test_a_store_that_comes_back_tells_every_watch_everything(stores: Stores) -> None:
    """The connections were broken, and nobody knows what they missed."""
    stores.put("holds/a")
    stores.watch()
    stores.server.stop()
    stores.server.start()
    stores.wait(1)
    assert stores.told == ["holds/a"]


def test_the_watch_of_a_dead_daemon_is_forgotten(stores: Stores) -> None:
    """A controller's daemons come and go for as long as the world runs."""
    stores.watch()
    stores.watcher.kill()
    stores.put("holds/a")
    stores.wait(1)
    assert stores.told == []
    assert stores.two._watchers == []
