"""A takeover that was seen to work stands in the history, once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nova_watchdog.core.breaker import Peer
from nova_watchdog.core.diagnose import Diagnosis
from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.hold.holding import Holding
from nova_watchdog.core.model import VCenterSession
from nova_watchdog.runtime.ledger import Ledger
from nova_watchdog.runtime.pairing_loop import PairingLoop
from runtime import bench
from runtime.bench import UNIT

FOREVER_S = 1e9
HERE = "192.0.2.12"


class Bench(bench.Bench):
    """A loop under a hold that the test sets; its inventory is read only where it asks for that."""

    # Taken from a controller that must have been dead since before.
    holding = Holding(
        Claim.MINE, until_s=FOREVER_S, since_s=1.0, dead_since_s=0.5, came=True, holder="ctl2", epoch=7
    )
    inventories = 0

    def boot(self, unit: str = UNIT, host: str = bench.HOST) -> None:
        """A fresh daemon."""
        super().boot(unit, host)
        self.loop._world = replace(self.loop._world, holding=lambda _pairing: self.holding)
        self.vcenter.own_address = HERE

    async def round(self) -> Diagnosis:
        """What was asked for is read."""
        inventory = self.loop._world.probes.inventory
        if inventory._wanted.is_set():
            inventory._wanted.clear()
            self.inventories += 1
            await inventory.take()
        return await super().round()

    async def started(self, seconds: int = 30, address: str = HERE) -> Bench:
        """It was started a second after the daemon, and so much time passed since."""
        await self.pass_time(1)
        self.vcenter.sessions = (VCenterSession(address, "python-requests/2.31", 1.0, 42, 3.0),)
        self.systemd.start_by_human(UNIT)
        await self.pass_time(seconds)
        return self

    @property
    def told(self) -> list[str]:
        return [one.why for one in self.shown.transitions if one.action == "verified"]


async def test_a_takeover_is_told_once_all_is_seen_good():
    """By an inventory that was asked for: the next one would have come a minute later."""
    played = await Bench().started()
    (why,) = played.told
    assert why.startswith("takeover verified 1")
    assert why.endswith(
        " s after the start: heartbeat, session from 192.0.2.12; not known: one consumer, ping"
    )
    assert played.inventories == 1
    await played.pass_time(60)
    assert len(played.told) == 1


async def test_a_process_of_a_later_start_under_the_same_hold_is_no_takeover():
    """The loop's own start after a crash says for itself what it is."""
    played = await Bench().started()
    played.systemd.kill_by_human(UNIT)
    await played.pass_time(60)
    assert played.systemd.starts
    assert len(played.told) == 1
    played.holding = replace(played.holding, epoch=9, since_s=played.clock.now_s())
    played.systemd.kill_by_human(UNIT)
    await played.pass_time(60)
    assert len(played.told) == 2


async def test_a_session_from_elsewhere_is_none_and_asks_for_one_more_inventory_only():
    """The other controller's may live on for minutes."""
    played = await Bench().started(address="192.0.2.11")
    await played.pass_time(60)
    assert played.told == []
    assert played.inventories == 1


@pytest.mark.parametrize(
    "changed",
    [{"came": False}, {"claim": Claim.HELD}, {"since_s": 1e8}],
    ids=["its own before", "another's", "it ran before"],
)
async def test_what_was_not_taken_from_another_is_not_told(changed):
    """Nor a process that began before the hold did."""
    played = Bench()
    played.holding = replace(played.holding, **changed)
    await played.started()
    assert played.told == []


async def test_a_process_that_began_before_the_daemon_is_not_told():
    """Nobody knows how it came up."""
    played = Bench()
    played.systemd.start_by_human(UNIT)
    await played.clock.advance(1)
    played.boot()
    await played.pass_time(60)
    assert played.told == []


async def test_a_takeover_that_is_not_seen_to_work_in_time_is_not_told_later():
    """What is wrong, the diagnosis told meanwhile."""
    played = Bench()
    played.loop._takeover._within_s = 5.0
    await played.started()
    assert played.told == []


async def test_a_reload_does_not_forget_that_it_was_told():
    """The loop after it goes on where the other left off."""
    played = await Bench().started()
    before = played.loop
    played.loop = PairingLoop(
        before.pairing,
        bench.POLICY,
        before._world,
        Ledger(played.store, before.pairing, played.clock),
        before,
    )
    await played.pass_time(30)
    assert len(played.told) == 1


@pytest.mark.parametrize(("vcenter", "told"), [(None, False), ("vc2:443/nova", True)])
async def test_a_session_proves_that_a_start_goes_on_only_where_no_other_pairing_has_the_account(
    vcenter, told
):
    """Another one's nova-compute makes calls over the same account."""
    played = await Bench().started()
    own = played.loop.pairing
    other = replace(own, name="cluster-b", vcenter=vcenter or own.vcenter)
    peers = [Peer(one, suspect=False, settled=True, acted_at_s=None) for one in (own, other)]
    played.loop._world = replace(played.loop._world, peers=lambda: peers)
    played.loop.memory = replace(played.loop.memory, heartbeat_at_s=None)
    decisions = []
    played.loop._show = lambda _observation, decision, *_rest: decisions.append(decision)  # type: ignore[method-assign]
    await played.loop.tick()
    assert decisions[0].still_starts is told
