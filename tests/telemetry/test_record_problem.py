"""A record that cannot be written goes from the pairing's loop to status and metrics."""

from __future__ import annotations

from nova_watchdog.core.snapshot import FleetSnapshot
from nova_watchdog.telemetry.screen import render
from nova_watchdog.telemetry.view import document
from runtime.bench import UNIT, Bench
from telemetry.exported import samples


async def test_the_loop_tells_why_its_record_cannot_be_written_until_it_can() -> None:
    """Killed while the disk is full: nothing is started, and everybody is told why; then it goes on."""
    bench = await Bench().healthy()
    bench.store.cut("store.json: No space left on device")
    bench.systemd.kill_by_human(UNIT)
    await bench.pass_time(3)
    assert bench.systemd.starts == []
    assert shown(bench)[0] == 0.0
    assert "its record cannot be written: nothing is done: store.json: No space left" in shown(bench)[1]
    bench.store.heal()
    await bench.pass_time(3)
    assert [unit for _, unit in bench.systemd.starts] == [UNIT]
    assert shown(bench)[0] == 1.0
    assert "its record cannot be written" not in shown(bench)[1]
    assert " 2/3 " in shown(bench)[1]


def shown(bench: Bench) -> tuple[float, str]:
    """The metric, and the screen."""
    assert bench.loop.snapshot is not None
    fleet = FleetSnapshot(
        controller="ctl1",
        version="1",
        started_wall_s=0.0,
        wall_s=bench.clock.wall_s(),
        now_s=bench.clock.now_s(),
        pairings={"cluster-a": bench.loop.snapshot},
    )
    (writable,) = [one.value for one in samples(fleet) if one.name == "nova_watchdog_pairing_record_writable"]
    text = render(document(fleet, now_s=fleet.now_s, wall_s=fleet.wall_s), columns=120, colour=False)
    return writable, text
