"""Prints each figure with its goal. Nothing fails here."""

from __future__ import annotations

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
from nova_watchdog.telemetry import view
from nova_watchdog.telemetry.metrics import Exporter
from telemetry import pictures

PAIRINGS = 50
_ROUNDS = 30


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
    ]
    for what, figure, goal in figures:
        print(f"{what:<48}{figure:>14}   goal {goal}")


if __name__ == "__main__":
    main()
