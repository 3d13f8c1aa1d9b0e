"""vCenter goes away: nova-compute is left alone, and a dead one waits for it."""

from __future__ import annotations

import pytest

from acceptance.conftest import wait_until_healthy
from acceptance.judge import Judge
from acceptance.test_process_dies import wait_s
from figures import Report

pytestmark = pytest.mark.lab

DIAGNOSED_WITHIN_S = 15.0
SLACK = 3
OUTAGE_S = 60.0
DRIVERS_REASON = "set by vmwareapi host_state"
# One page of the allocator here or there; an outage must not make it grow further.
FLAT_KIB = 4 * 1024


@pytest.mark.parametrize("fault_name", ["vcenter-refused", "vcenter-silent"])
def test_an_outage_is_diagnosed_and_nothing_is_done(
    judges: tuple[Judge, ...], fault_name: str, report: Report
):
    """Sixty seconds: the right word for every pairing, no start, healthy by itself, the daemon flat."""
    lab = judges[0].lab
    before = lab.now() - 5
    with lab.fault(fault_name) as fault:
        told = [judge.wait_for_edge(fault["t"], 60, diagnosis="vcenter-down") for judge in judges]
        wait_s(judges[0], OUTAGE_S - (lab.now() - fault["t"]))
    cleared = lab.now()
    healed = [judge.wait_for_edge(cleared, 180, diagnosis="healthy") for judge in judges]
    healed_s = max(edge["t"] for edge in healed) - cleared
    wait_until_healthy(judges)

    latest_s = max(edge["t"] for edge in told) - fault["t"]
    report(f"{fault_name}: diagnosed after {latest_s:.1f} s (goal {DIAGNOSED_WITHIN_S:g} s)")
    report(f"{fault_name}: healthy {healed_s:.1f} s after the outage")
    assert latest_s < SLACK * DIAGNOSED_WITHIN_S
    for judge in judges:
        assert not judge.starts(fault["before"])
        assert not judge.exits(fault["before"])
        assert not judge.lines(fault["before"], "action")
        # Nova's driver may disable its service towards the end of the minute, and enables it itself.
        words = judge.diagnoses(fault["before"])
        assert words in (["vcenter-down", "healthy"], ["vcenter-down", "auto-disabled", "healthy"])
    samples = [s for s in judges[0].sample_daemon(before) if s["t"] < cleared]
    calm = [s for s in samples if s["t"] < fault["before"]]
    outage = [s for s in samples if s["t"] >= fault["before"]]
    grown_kib = max(s["rss_kib"] for s in outage) - max(s["rss_kib"] for s in calm)
    threads = {s["threads"] for s in samples}
    report(f"{fault_name}: daemon {calm[-1]['rss_kib'] // 1024} MiB, grew {grown_kib} KiB, threads {threads}")
    assert grown_kib < SLACK * FLAT_KIB
    assert len(threads) == 1


def test_killed_during_an_outage_it_waits_and_is_started_and_enabled_afterwards(
    judges: tuple[Judge, ...], report: Report
):
    """No start before vCenter is back, no budget spent, and the driver's own disable is ended."""
    judge = judges[0]
    left = judge.status()["budget"]["starts_left"]
    with judge.lab.fault("vcenter-refused") as fault:
        disabled = judge.wait_for_service(
            fault["t"], 300, lambda s: s["disabled"] and s["disabled_reason"] == DRIVERS_REASON
        )
        report(
            f"vCenter refused: nova's driver disabled its service after {disabled['t'] - fault['t']:.0f} s"
        )
        # The daemon must have read that Nova says so, else it cannot know that the disable is older.
        wait_s(judge, 10)
        killed = judge.lab.inject("kill", pairing=judge.pairing.name)
        judge.wait_for_edge(killed["before"], 30, diagnosis="waiting-for-dependency")
        wait_s(judge, 20)
        assert not judge.starts(killed["before"])
    back = judge.lab.now()
    process = judge.wait_for_start(killed["before"], 60)
    assert process["t"] > back - 1
    heartbeat = judge.wait_for_heartbeat(process, 180)
    enabled = judge.wait_for_service(back, 180, lambda s: not s["disabled"])
    wait_until_healthy(judges)

    assert judge.up_and_enabled()
    actions = [(a["action"], a["rule"], a["outcome"]) for a in judge.lines(killed["before"], "action")]
    assert actions == [("start", "R37", "done"), ("enable", "R64", "done")]
    assert len(judge.starts(killed["before"])) == 1
    assert judge.status()["budget"]["starts_left"] >= left
    report(
        f"killed during an outage: started {process['t'] - back:.1f} s after vCenter is back, "
        f"heartbeat {heartbeat['t'] - back:.1f} s, enabled {enabled['t'] - back:.1f} s after it"
    )
