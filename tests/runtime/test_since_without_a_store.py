"""How long a diagnosis holds, while its record cannot be written."""

from __future__ import annotations

from runtime.bench import UNIT, Bench


async def test_the_time_of_a_diagnosis_stands_while_the_store_is_away():
    """Status and metrics would otherwise say that it began just now, for hours."""
    bench = await Bench().healthy()
    bench.store.cut()
    killed_at_s = bench.clock.wall_s()
    bench.systemd.kill_by_human(UNIT)
    await bench.pass_time(60)
    assert bench.loop.snapshot is not None
    assert bench.loop.snapshot.diagnosis_since_wall_s - killed_at_s <= 2
