"""Prints each figure with its goal. Nothing fails here."""

from __future__ import annotations

import logging
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from nova_watchdog.core.breaker import Breaker
from nova_watchdog.core.decide import decide
from nova_watchdog.core.memory import remember
from nova_watchdog.core.permission import Permission
from nova_watchdog.simulation.chance import random_scenario
from nova_watchdog.simulation.run import simulate
from nova_watchdog.simulation.scenario import Scenario
from nova_watchdog.telemetry import view
from nova_watchdog.telemetry.metrics import Exporter
from telemetry import pictures

PAIRINGS = 50
_ROUNDS = 30
# Of a simulated day only so much is played, and scaled.
_PLAYED_S = 3600.0
_DAY_S = 86400.0


def median_ms(call: Callable[[], object]) -> float:
    """CPU milliseconds of one call, the median of thirty."""
    took = []
    for _ in range(_ROUNDS):
        began = time.process_time()
        call()
        took.append(1000 * (time.process_time() - began))
    return statistics.median(took)


def scrape() -> tuple[float, int]:
    """Milliseconds and bytes of one scrape with fifty pairings."""
    fleet = pictures.fleet(*(pictures.healthy(f"cluster-{i}") for i in range(PAIRINGS)))
    pairings = [one.pairing for one in fleet.pairings.values()]
    exporter = Exporter(lambda: fleet, pictures.StoppedClock(), pairings)
    body, _ = exporter.render()
    return median_ms(exporter.render), len(body)


def look() -> float:
    """Milliseconds to remember and decide once for each of fifty pairings: the daemon does so each second."""
    stories = [pictures.healthy(f"cluster-{i}") for i in range(PAIRINGS)]

    def once() -> None:
        for story in stories:
            assert story.observation is not None
            memory = remember(story.memory, story.pairing, story.observation)
            decide(
                story.pairing,
                story.state,
                story.observation,
                memory,
                story.policy,
                story.now_s,
                permission=Permission.PROTECT,
                breaker=Breaker.CLOSED,
            )

    return median_ms(once)


def status() -> float:
    """Milliseconds to write the status document of fifty pairings."""
    fleet = pictures.fleet(*(pictures.healthy(f"cluster-{i}") for i in range(PAIRINGS)))
    return median_ms(lambda: view.document(fleet, now_s=fleet.now_s, wall_s=fleet.wall_s))


def started(module: str) -> tuple[float, float]:
    """Seconds and MiB that a fresh process needs to import it."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
    took_s = time.monotonic() - began
    return took_s, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def simulated_day(fault_every_s: float) -> float:
    """CPU seconds of a simulated day: three controllers, ten pairings. One hour of it is played, and scaled.

    fault_every_s: as `simulate --every` has it, 0: nothing happens.
    """
    controllers, pairings = ("ctl1", "ctl2", "ctl3"), tuple(f"cluster-{i}" for i in range(10))
    scenario = Scenario(controllers, pairings, _PLAYED_S)
    if fault_every_s:
        scenario = random_scenario(0, controllers, pairings, _PLAYED_S, fault_every_s)
    logging.disable(logging.CRITICAL)
    began = time.process_time()
    simulate(scenario, to_the_end=True)
    took_s = time.process_time() - began
    logging.disable(logging.NOTSET)
    return took_s * _DAY_S / _PLAYED_S


def main() -> None:
    """All figures."""
    scrape_ms, size = scrape()
    daemon_s, daemon_mib = started("nova_watchdog.app")
    figures = [
        (f"a scrape of {PAIRINGS} pairings ({size // 1024} KiB)", f"{scrape_ms:.1f} ms CPU", "50 ms"),
        (f"a look at {PAIRINGS} pairings, each second", f"{look():.1f} ms CPU", "50 ms"),
        (f"the status of {PAIRINGS} pairings", f"{status():.1f} ms CPU", "50 ms"),
        ("the daemon's imports", f"{daemon_s:.1f} s", "3 s"),
        ("the daemon's imports", f"{daemon_mib:.0f} MiB", "200 MiB"),
        ("a quiet simulated day (an hour of it, scaled)", f"{simulated_day(0.0):.0f} s CPU", "30 s"),
        ("the same with a fault every 10 minutes", f"{simulated_day(600.0):.0f} s CPU", "30 s"),
    ]
    for what, figure, goal in figures:
        print(f"{what:<48}{figure:>14}   goal {goal}")


if __name__ == "__main__":
    main()
