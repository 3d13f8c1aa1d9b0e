"""A pairing is moved while users ask for servers: none is built twice, none is forgotten."""

from __future__ import annotations

import time

import pytest

from failover.scene import Scene, Takeover
from failover.test_asked_by_a_human import ask
from failover.traffic import Traffic
from figures import Report

pytestmark = [pytest.mark.lab, pytest.mark.failover]

_BEFORE_S = 4.0


def test_what_is_asked_for_meanwhile_is_served_after_the_move(scene: Scene, report: Report):
    """A server asked for between the two processes waits on the bus; each of the others has an end too.

    Nova's own graceful stop loses some that come while it lasts: they end in ERROR, and are counted.
    """
    (old,) = scene.running()
    target = next(one.name for one in scene.lab.topology.controller_list if one.name != old)
    with Traffic(scene.lab, scene.pairing.host) as traffic:
        traffic.start()
        time.sleep(_BEFORE_S)
        since = scene.lab.now()
        answer = ask(scene, old, "failover", scene.pairing.name, "--to", target)
        assert answer.returncode == 0, answer.stdout + answer.stderr
        takeover = scene.wait_for_takeover(old, since)
        traffic.stop()
        traffic.ask()
        between = [one for one, asked_s in traffic.servers.items() if takeover.dead_s < asked_s]
        forgotten = traffic.not_served(between)
        states = traffic.built()
        _tell(report, since, takeover, traffic, states)
    assert takeover.new == target
    assert takeover.dead_s < takeover.start_s
    assert not scene.overlaps(since)
    assert set(states.values()) <= {"ACTIVE", "ERROR"}, "each has an end"
    assert not forgotten, "nobody but the new one ever had these"
    assert "ACTIVE" in {states[one] for one in between}


def _tell(report: Report, since: float, takeover: Takeover, traffic: Traffic, states: dict[str, str]) -> None:
    """When what was asked for, and what became of it."""
    report(
        f"moved under load: the stop took {takeover.dead_s - since:.1f} s, no process for "
        f"{takeover.start_s - takeover.dead_s:.1f} s, heartbeat after {takeover.heartbeat_s - since:.1f} s"
    )
    edges = [0.0, since, takeover.dead_s, takeover.start_s, takeover.heartbeat_s, float("inf")]
    phases = ("before", "while it stopped", "in between", "while it started", "after its heartbeat")
    for phase, begin, end in zip(phases, edges, edges[1:], strict=False):
        of_phase = [states[one] for one, asked_s in traffic.servers.items() if begin <= asked_s < end]
        failed = len(of_phase) - of_phase.count("ACTIVE")
        report(f"  servers asked for {phase}: {len(of_phase)}, {failed} not ACTIVE in the end")
    report(f"  reasons that Nova tells: {'; '.join(sorted(traffic.why_not())) or '-'}")
    report(f"  refused by Nova's API itself: {len(traffic.refused)}; {traffic.calls_told()}")
