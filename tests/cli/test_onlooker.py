"""`check` where controllers share their pairings: whose they are, by one look at the records."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from config.sites import Site
from fakes.clock import FakeClock
from fakes.store import FakeStore
from nova_watchdog.check import Holders, findings_of
from nova_watchdog.config import load_for_run
from nova_watchdog.core.diagnose import TABLE, Condition
from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.hold.records import ControllerRecord, HoldRecord, controller_key, hold_key, to_json
from nova_watchdog.core.snapshot import FleetSnapshot
from nova_watchdog.onlooker import Onlooker, onlooker

ETCD = '\n[etcd]\nendpoints = ["http://127.0.0.1:1"]\n'
NAME = "cluster-a"


async def looked(site: Site, hold: HoldRecord | None, *, cut: bool = False) -> Onlooker:
    """From ctl1, at a store with ctl1, ctl2 and that hold of cluster-a."""
    store = FakeStore()
    puts = {
        controller_key(name): to_json(ControllerRecord(f"{name}-1", 1, 15.0, 2.0))
        for name in ("ctl1", "ctl2")
    }
    await store.commit({}, puts | ({hold_key(NAME): to_json(hold)} if hold else {}))
    if cut:
        store.cut("connection refused")

    async def close() -> None:
        """Nothing is open."""

    found = Onlooker(load_for_run(site.toml), FakeClock(), store, close)
    await found.look()
    return found


@pytest.mark.parametrize(
    ("hold", "claim", "holder"),
    [
        (HoldRecord("ctl2", "ctl2-1", 3), Claim.HELD, "ctl2"),
        (HoldRecord("ctl2", "ctl2-0", 3), Claim.FREE, "ctl2"),
        (HoldRecord("ctl1", "ctl1-0", 3), Claim.FREE, "ctl1"),
        (HoldRecord("", "", 3), Claim.FREE, ""),
        (HoldRecord("", "", 3, successor="ctl2"), Claim.RESERVED, ""),
    ],
)
async def test_what_another_one_holds_or_nobody_does_is_judged_so(
    site: Site, hold: HoldRecord, claim: Claim, holder: str
) -> None:
    """On a standby no process is as it should be."""
    holding = (await looked(site, hold)).holding(NAME)
    assert holding is not None
    assert (holding.claim, holding.holder, holding.until_s) == (claim, holder, None)


@pytest.mark.parametrize("hold", [None, HoldRecord("ctl1", "ctl1-1", 3)])
async def test_what_is_held_here_or_never_was_is_judged_as_if_alone(
    site: Site, hold: HoldRecord | None
) -> None:
    """There no process is a failure."""
    assert (await looked(site, hold)).holding(NAME) is None


async def test_what_one_look_cannot_tell_does_not_change_while_the_command_goes_on(site: Site) -> None:
    """That a holder is silent: the records were read once, and stand still for that alone."""
    held, reserved = HoldRecord("ctl2", "ctl2-1", 3), HoldRecord("", "", 3, successor="ctl2")
    for hold, claim in ((held, Claim.HELD), (reserved, Claim.RESERVED)):
        found = await looked(site, hold)
        await cast("FakeClock", found._clock).advance(60.0)
        holding = found.holding(NAME)
        assert holding is not None
        assert holding.claim is claim


async def test_without_an_answer_nobody_knows_whose_it_is(site: Site) -> None:
    """And why there is none is told."""
    found = await looked(site, None, cut=True)
    assert found.problem == "connection refused"
    holding = found.holding(NAME)
    assert holding is not None
    assert holding.claim is Claim.UNREAD


async def test_what_is_only_observed_is_nobody_s(site: Site) -> None:
    """Whatever the records say."""
    site.edit("nova-watchdog.toml", {'mode = "protect"': 'mode = "observe"'})
    assert (await looked(site, HoldRecord("ctl2", "ctl2-1", 3))).holding(NAME) is None


async def test_only_with_a_store_there_is_somebody_to_ask(site: Site) -> None:
    """Which is let go at the end."""
    assert onlooker(load_for_run(site.toml), FakeClock()) is None
    site.toml.write_text(site.toml.read_text() + ETCD)
    found = onlooker(load_for_run(site.toml), FakeClock())
    assert found is not None
    await found.look()
    assert "127.0.0.1:1" in found.problem
    await found.close()


def found_by(site: Site, row: str, holders: Holders) -> Any:
    """What `check` says of cluster-a if that row of the diagnosis table matched."""
    decision = SimpleNamespace(diagnosis=next(one for one in TABLE if one.number == row))
    shown = SimpleNamespace(decision=decision, worries=())
    snapshot = cast("FleetSnapshot", SimpleNamespace(pairings={NAME: shown}))
    return findings_of(load_for_run(site.toml), snapshot, holders)[0]


def test_a_standby_is_healthy_and_names_the_holder(site: Site) -> None:
    """A monitoring plugin on a standby must not page."""
    found = found_by(site, "D11", Holders({NAME: "ctl2"}))
    assert found.condition is Condition.HEALTHY
    assert found.text.endswith("another controller holds the pairing (ctl2)")


def test_without_a_store_a_controller_without_a_process_knows_nothing(site: Site) -> None:
    """That nobody holds it would be a failure."""
    found = found_by(site, "D12", Holders(problem="connection refused"))
    assert (found.condition, found.word) == (Condition.UNKNOWN, "unknown")
    assert found.text.endswith("who holds it is not known: connection refused")
    assert found_by(site, "D12", Holders({NAME: ""})).condition is Condition.FAILED


def test_a_process_that_runs_is_judged_without_a_store_too(site: Site) -> None:
    """By what it does."""
    assert found_by(site, "D22", Holders(problem="connection refused")).word == "vcenter-down"
