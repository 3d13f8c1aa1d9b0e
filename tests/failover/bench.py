"""How long recovery takes, beside a bare start of nova-compute measured in the same run: `make bench`.

Needs a running lab of several controllers (`LAB_STATE`). Prints a table; nothing fails here.
"""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from failover.scene import Scene
from lab.client import Lab
from lab.controllers.daemon import PROGRAM

RUNS = int(os.environ.get("NOVA_WATCHDOG_BENCH_RUNS", "3"))
_LONG_S = 400.0


@dataclass(frozen=True)
class Times:
    """Of one recovery, in seconds from the fault. noticed_s: until something was done about it."""

    noticed_s: float
    recovered_s: float


def main() -> int:
    """The table, as Markdown."""
    lab = Lab.attach()
    scene = Scene(lab, lab.pairings[0])
    names = [one.name for one in lab.topology.controller_list]
    rows: dict[str, list[Times]] = {}
    bare_s = []
    for _ in range(RUNS):
        scene.wait_until_served(names, _LONG_S)
        bare_s.append(bare_start_s(scene))
        for what, measure in _MEASURES.items():
            scene.wait_until_served(names, _LONG_S)
            rows.setdefault(what, []).append(measure(scene))
            lab.clear_all()
            print(f"{what}: {rows[what][-1]}", file=sys.stderr, flush=True)
    print("\n".join(table(rows, bare_s)))
    return 0


def table(rows: dict[str, list[Times]], bare_s: list[float]) -> Iterator[str]:
    """Minimum, median and maximum, and the median as a multiple of a bare start."""
    yield f"A bare start, from exec to the first heartbeat: {_three(bare_s)} s ({len(bare_s)} runs)."
    yield ""
    yield "| fault | something done after | new heartbeat after | in bare starts |"
    yield "|---|---|---|---|"
    bare = statistics.median(bare_s)
    for what, times in rows.items():
        recovered = [one.recovered_s for one in times]
        ratio = statistics.median(recovered) / bare
        noticed = _three([one.noticed_s for one in times])
        yield f"| {what} | {noticed} s | {_three(recovered)} s | {ratio:.1f} |"


def _three(values: list[float]) -> str:
    return f"{min(values):.1f} / {statistics.median(values):.1f} / {max(values):.1f}"


def bare_start_s(scene: Scene) -> float:
    """A human's restart of a nova-compute that was killed a moment ago, without anybody's decision."""
    (holder,) = scene.running()
    controller = scene.lab.controller(holder)
    with _daemon_paused(scene, holder):
        controller.run(["systemctl", "kill", "--signal=KILL", scene.pairing.unit])
        since = scene.lab.now()
        scene.lab.wait_for("process.exit", since=since - 1, timeout_s=20, unit=scene.pairing.unit)
        controller.run(["systemctl", "start", scene.pairing.unit])
        heartbeat = scene.lab.wait_for("heartbeat", since=since + 1, timeout_s=120, host=scene.pairing.host)
    return float(heartbeat["t"] - since)


@contextmanager
def _daemon_paused(scene: Scene, holder: str) -> Iterator[None]:
    """Nobody but this bench starts the pairing meanwhile; the hold goes on, so its token stands."""
    words = [PROGRAM, "pause", scene.pairing.name, "--for", "5m", "--reason", "bench"]
    scene.lab.controller(holder).run(words)
    try:
        yield
    finally:
        scene.lab.controller(holder).run([PROGRAM, "resume", scene.pairing.name])


def _after(scene: Scene, since: float, noticed_s: float) -> Times:
    start = scene.lab.wait_for("process.start", since=noticed_s, timeout_s=_LONG_S, unit=scene.pairing.unit)
    heartbeat = scene.lab.wait_for(
        "heartbeat", since=start["t"] + 1, timeout_s=_LONG_S, host=scene.pairing.host
    )
    return Times(noticed_s - since, heartbeat["t"] - since)


def crash(scene: Scene) -> Times:
    """kill -9 of nova-compute."""
    since = scene.lab.now()
    (holder,) = scene.running()
    scene.lab.controller(holder).run(["systemctl", "kill", "--signal=KILL", scene.pairing.unit])
    return _after(scene, since, _wait_for_action(scene, since, "start"))


def hang(scene: Scene) -> Times:
    """SIGSTOP of nova-compute."""
    (holder,) = scene.running()
    since = scene.lab.now()
    scene.lab.controller(holder).run(["systemctl", "kill", "--signal=STOP", scene.pairing.unit])
    return _after(scene, since, _wait_for_action(scene, since, "kill"))


def _wait_for_action(scene: Scene, since: float, action: str) -> float:
    def fits() -> float | None:
        found = [one["t"] for one in scene.lines(since, "action") if one["action"] == action]
        return found[0] if found else None

    return _wait(scene, fits)


def _wait(scene: Scene, fits: Callable[[], float | None]) -> float:
    deadline = scene.lab.now() + _LONG_S
    while scene.lab.now() < deadline:
        if (found := fits()) is not None:
            return found
    raise TimeoutError(f"nothing was done for {scene.pairing.name} within {_LONG_S:g} s")


def controller_lost(scene: Scene) -> Times:
    """Power off."""
    (old,) = scene.running()
    since = scene.lab.inject("controller-killed", controller=old)["before"]
    return _taken(scene, since, "take-over")


def path_lost(scene: Scene) -> Times:
    """The holder alone does not reach RabbitMQ."""
    (old,) = scene.running()
    since = scene.lab.inject("controller-cut-from", controller=old, target="rabbitmq")["before"]
    return _taken(scene, since, "stop")


def switchover(scene: Scene) -> Times:
    """A human asks for it."""
    (old,) = scene.running()
    since = scene.lab.now()
    scene.lab.controller(old).run([PROGRAM, "failover", scene.pairing.name], timeout_s=_LONG_S, check=False)
    return _taken(scene, since, "stop")


def _taken(scene: Scene, since: float, verb: str) -> Times:
    def fits() -> float | None:
        found = [one["t"] for one in scene.lines(since, "hold") if one.get("action") == verb]
        return found[0] if found else None

    return _after(scene, since, _wait(scene, fits))


_MEASURES: dict[str, Callable[[Scene], Times]] = {
    "nova-compute crashed": crash,
    "nova-compute hung": hang,
    "controller lost": controller_lost,
    "path to RabbitMQ lost by the holder alone": path_lost,
    "switchover asked for": switchover,
}

if __name__ == "__main__":
    sys.exit(main())
