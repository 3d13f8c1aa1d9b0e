"""A restart that a human asks for, on one pairing's loop among the fakes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from nova_watchdog.core.diagnose import Diagnosis
from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.hold.holding import Holding
from nova_watchdog.core.operation import End, Ending, Step
from nova_watchdog.core.permission import Pause
from nova_watchdog.runtime import operations as operations_module
from nova_watchdog.runtime.operations import Desk, Operations
from runtime.bench import UNIT, Bench

NAME = "cluster-a"


class Asked:
    """A healthy pairing, and what a restart of it told so far."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.found: list[Step | End] = []
        self.notes: list[tuple[str, str, str]] = []
        self.holding: Holding | None = None
        desk = Desk(
            "ctl1",
            self.bench.clock,
            lambda _pairing: self.bench.loop.snapshot,
            self.bench.systemd,
            holding=lambda _pairing: self.holding,
            note=lambda *note: self.notes.append(note),
        )
        self.operations = Operations(desk)
        self._tasks: list[asyncio.Task[None]] = []

    async def restart(self, reason: str = "", *, timeout_s: float = 300.0) -> None:
        """Ask; it goes on in the background."""

        async def collect() -> None:
            async for one in self.operations.restart(NAME, reason=reason, by="alice", timeout_s=timeout_s):
                self.found.append(one)

        self._tasks.append(asyncio.create_task(collect()))
        await asyncio.sleep(0)

    async def failover(self, to: str = "") -> None:
        """The same for a failover."""
        async for one in self.operations.failover(NAME, to=to, accept=(), by="alice", timeout_s=300.0):
            self.found.append(one)

    @property
    def end(self) -> End:
        assert isinstance(self.found[-1], End), self.found
        return self.found[-1]

    @property
    def phases(self) -> list[str]:
        return [one.phase for one in self.found if isinstance(one, Step)]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@pytest.fixture
async def asked() -> AsyncIterator[Asked]:
    made = Asked()
    await made.bench.healthy()
    yield made
    await made.close()


async def test_a_restart_is_told_phase_by_phase_to_the_first_report(
    asked: Asked, caplog: pytest.LogCaptureFixture
) -> None:
    """Its stop may take minutes; who asked and why is in the log and in the history."""
    caplog.set_level(logging.INFO, "nova_watchdog.operations")
    asked.bench.systemd.stop_slowly()
    await asked.restart("wedged")
    await asked.bench.pass_time(20)
    assert asked.phases[:3] == ["asked", "warning", "stopping"]
    asked.bench.systemd.finish_restart(UNIT)
    await asked.bench.pass_time(30)
    assert asked.end.ending is Ending.DONE
    assert [one for one in asked.phases if one not in ("judged", "warning")] == [
        "asked",
        "stopping",
        "started",
        "heartbeat",
    ]
    assert asked.end.reason.startswith("it reports to Nova, and is healthy")
    assert len(asked.bench.systemd.restarts) == 1
    assert asked.bench.systemd.starts == []
    assert asked.bench.shown.starts_left == asked.bench.shown.budget
    assert asked.notes[0] == (NAME, "restart", "restart asked by alice: wedged")
    assert asked.notes[1][2].startswith("restart done: it reports to Nova")
    assert "event=restart-asked" in caplog.text
    assert "by=alice" in caplog.text
    assert "event=restart-ended" in caplog.text


async def test_the_daemon_takes_it_for_no_humans_stop(asked: Asked) -> None:
    """Nothing is respected, and nothing is started beside it."""
    asked.bench.systemd.stop_slowly()
    await asked.restart()
    await asked.bench.pass_time(60)
    asked.bench.systemd.finish_restart(UNIT)
    await asked.bench.pass_time(30)
    assert Diagnosis.STOPPED_ON_PURPOSE not in asked.bench.seen
    assert asked.bench.diagnosis is Diagnosis.HEALTHY
    assert asked.bench.actions == {}


async def test_while_vcenter_is_away_nothing_is_restarted(asked: Asked) -> None:
    """What runs heals itself."""
    asked.bench.vcenter.cut("refused")
    await asked.bench.pass_time(10)
    await asked.restart()
    await asked.bench.pass_time(1)
    assert (asked.end.ending, asked.end.reason) == (
        Ending.REFUSED,
        "vCenter is not reached from here",
    )
    assert asked.bench.systemd.restarts == []
    assert asked.notes == []


async def test_what_another_controller_holds_is_refused(asked: Asked) -> None:
    """And again right before the act: a hold may end while it is asked."""
    asked.holding = Holding(Claim.HELD, holder="ctl2", epoch=2)
    await asked.restart()
    await asked.bench.pass_time(1)
    assert "ctl2 holds it" in asked.end.reason
    assert asked.bench.systemd.restarts == []


async def test_a_hold_that_ends_meanwhile_is_told(asked: Asked) -> None:
    """Nobody waits for a process that may not run here."""
    asked.holding = Holding(Claim.MINE, until_s=asked.bench.clock.now_s() + 600.0, holder="ctl1", epoch=2)
    asked.bench.systemd.stop_slowly()
    await asked.restart()
    await asked.bench.pass_time(2)
    asked.holding = Holding(Claim.HELD, holder="ctl2", epoch=3, why="another controller holds it")
    await asked.bench.pass_time(2)
    assert (asked.end.ending, asked.end.reason) == (
        Ending.UNKNOWN,
        "it is not held here any more: another controller holds it",
    )


async def test_a_pause_does_not_keep_a_human_from_it(asked: Asked) -> None:
    """It is told that the daemon does not watch over it."""
    now_wall_s = asked.bench.clock.wall_s()
    waiting = asyncio.create_task(
        asked.bench.loop.pause(Pause("work", "bob", now_wall_s, now_wall_s + 3600.0))
    )
    await asked.bench.pass_time(1)
    await waiting
    await asked.restart()
    await asked.bench.pass_time(40)
    assert asked.end.ending is Ending.DONE
    assert "it is paused" in str(asked.found[1])


async def test_what_polkit_refuses_is_refused(asked: Asked) -> None:
    """With the port's own words."""
    asked.bench.systemd.refuse_starts("polkit says no")
    await asked.restart()
    await asked.bench.pass_time(1)
    assert (asked.end.ending, asked.end.reason) == (Ending.REFUSED, "polkit says no")


async def test_an_answer_that_got_lost_is_followed_all_the_same(asked: Asked) -> None:
    """It may have happened, and here it did."""
    asked.bench.systemd.answer_starts(answers=False)
    await asked.restart()
    await asked.bench.pass_time(40)
    assert "unknown" in asked.phases
    assert asked.end.ending is Ending.DONE


async def test_no_answer_at_all_is_unknown(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound is this module's own, should the adapter's not hold."""
    monkeypatch.setattr(operations_module, "_RESTART_TIMEOUT_S", 0.01)

    async def hang(_unit: str, **_: str) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asked.bench.systemd, "restart", hang)
    await asked.restart(timeout_s=5.0)
    await asyncio.sleep(0.05)
    await asked.bench.pass_time(10)
    assert any("systemd gave no answer within 0.01 s" in str(one) for one in asked.found)
    assert asked.end.ending is Ending.UNKNOWN
    assert "not over after 5 s: it is healthy" in asked.end.reason


async def test_a_process_that_does_not_come_up_is_followed_until_it_is_given_up(asked: Asked) -> None:
    """The daemon starts it again by its own rules; each judgement is told once."""
    asked.bench.systemd.let_starts_die(1)
    await asked.restart()
    await asked.bench.pass_time(200)
    assert asked.end.ending is Ending.UNKNOWN
    assert "it does not come up" in asked.end.reason, asked.found
    assert "started" not in asked.phases
    assert len(asked.found) < 20


async def test_only_one_at_a_time_and_another_one_afterwards(asked: Asked) -> None:
    """Of either kind."""
    asked.bench.systemd.stop_slowly()
    await asked.restart()
    await asked.failover("ctl2")
    assert asked.end.reason == "a restart of it, asked by alice, is under way"
    asked.bench.systemd.finish_restart(UNIT)
    await asked.bench.pass_time(30)
    assert asked.end.ending is Ending.DONE
    await asked.failover("ctl2")
    assert asked.end.reason == "ctl1 shares cluster-a with no other controller: it cannot move"


async def test_before_the_first_look_nothing_is_restarted() -> None:
    """Nobody knows how it is."""
    asked = Asked()
    await asked.restart()
    await asyncio.sleep(0)
    assert asked.end.reason == "cluster-a was not looked at yet"
    await asked.close()
