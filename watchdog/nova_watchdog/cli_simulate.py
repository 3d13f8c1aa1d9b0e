"""`nova-watchdog simulate`: the real rules on a simulated cloud, broken on purpose, in virtual time."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

from nova_watchdog.cli_simulate_options import USUAL_HOURS, USUAL_PAIRINGS, USUALLY_EVERY_S
from nova_watchdog.config import ConfigError, Rehearsal, load_for_simulation
from nova_watchdog.core.hold.timing import Timing
from nova_watchdog.simulation import report
from nova_watchdog.simulation.chance import random_scenario
from nova_watchdog.simulation.run import Outcome, simulate
from nova_watchdog.simulation.scenario import (
    AT_ONCE,
    MEANINGS,
    OF_ALL,
    OF_PAIRING,
    VALUED,
    Fault,
    FaultError,
    Kind,
    Scenario,
    parse_fault,
    with_faults,
)
from nova_watchdog.simulation.site import Intervals
from nova_watchdog.telemetry import terminal

EXIT_OK = 0
EXIT_FAILURE = 1
EXIT_USAGE = 2
# 128 and the number of SIGINT, as shells have it.
EXIT_INTERRUPTED = 130

# With faults in words every line is kept: that is for looking at minutes, not at days.
_LONGEST_S = 86400.0


class UsageError(Exception):
    """What was asked for makes no sense. The text says what is wrong and what is allowed."""


def main(arguments: argparse.Namespace) -> int:
    """Simulate. The exit codes stand in the epilog."""
    try:
        return _main(arguments)
    except KeyboardInterrupt:
        print("nova-watchdog: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED


def _main(arguments: argparse.Namespace) -> int:
    if arguments.list_faults:
        return _list_faults()

    try:
        rehearsal = _rehearsal(arguments)
        is_long = _is_long(arguments)
        scenario = (_long if is_long else _short)(arguments, rehearsal)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return EXIT_USAGE
    except (UsageError, FaultError) as error:
        print(f"nova-watchdog: {error}", file=sys.stderr)
        return EXIT_USAGE
    for note in rehearsal.notes if rehearsal else ():
        print(f"note: {note}", file=sys.stderr)
    replay = _replay(arguments, scenario) if is_long else ""
    to_the_end = is_long or arguments.for_s is not None
    outcome = _play(scenario, _intervals(rehearsal), replay, to_the_end=to_the_end)
    _print(arguments, outcome, replay, shares=rehearsal is not None and rehearsal.shares)
    return EXIT_OK if outcome.ok else EXIT_FAILURE


def _list_faults() -> int:
    width = max(len(kind.value) for kind in MEANINGS)
    lines = []
    for title, kinds in (
        ("of a controller", set(MEANINGS) - OF_PAIRING - OF_ALL),
        ("of a pairing", OF_PAIRING),
        ("of everybody", OF_ALL),
    ):
        lines.append(f"{title}:")
        lines += [f"  {one.value.ljust(width)}  {MEANINGS[one]}" for one in MEANINGS if one in kinds]
    lines.append(f"at once, without `for`: {', '.join(one.value for one in MEANINGS if one in AT_ONCE)}")
    lines.append(f"with `value`: {', '.join(one.value for one in MEANINGS if one in VALUED)}")
    terminal.write("\n".join(lines) + "\n")
    return EXIT_OK


def _rehearsal(arguments: argparse.Namespace) -> Rehearsal | None:
    if arguments.config is None:
        return None
    if arguments.pairings is not None:
        raise UsageError("--pairings and --config: allowed is one of them, a configuration has its own")

    return load_for_simulation(arguments.config)


def _is_long(arguments: argparse.Namespace) -> bool:
    """Whether it is a long run of random faults."""
    long = [f"--{one}" for one in ("hours", "every_s") if getattr(arguments, one) is not None]
    short = ["--fault"] * bool(arguments.fault) + ["--for"] * (arguments.for_s is not None)
    if long and short:
        named = f"{short[0]} and {long[0].removesuffix('_s')}"
        raise UsageError(f"{named}: allowed are either faults in words, or a long run of random ones")
    return bool(long) or (arguments.seed is not None and not short)


def _base(arguments: argparse.Namespace, rehearsal: Rehearsal | None, lasts_s: float) -> Scenario:
    controllers = tuple(f"ctl{index + 1}" for index in range(arguments.controllers))
    if rehearsal is None:
        names = tuple(f"cluster-{index + 1}" for index in range(arguments.pairings or USUAL_PAIRINGS))
        return Scenario(controllers, names, lasts_s, seed=arguments.seed or 0)
    # The simulated vCenter is one for all: two of its clusters may not have the same name.
    known = tuple(replace(one, cluster=one.name, datastore_regex=None) for one in rehearsal.pairings)
    return Scenario(
        controllers,
        tuple(one.name for one in known),
        lasts_s,
        seed=arguments.seed or 0,
        timing=rehearsal.timing,
        policy=rehearsal.policy,
        hold_policy=rehearsal.hold_policy,
        known=known,
    )


def _short(arguments: argparse.Namespace, rehearsal: Rehearsal | None) -> Scenario:
    """The faults that were given."""
    scenario = _base(arguments, rehearsal, 0.0)
    faults = [parse_fault(text, scenario.controllers, scenario.pairings) for text in arguments.fault]
    for fault in faults:
        _check(fault, scenario)
    scenario = with_faults(scenario, faults)
    if arguments.for_s is None:
        return scenario
    if not scenario.faults_end_s < arguments.for_s <= _LONGEST_S:
        raise UsageError(
            f"--for is {arguments.for_s:g} s: allowed is more than {scenario.faults_end_s:g} s, when the last"
            f" fault is over, and up to {_LONGEST_S:g} s"
        )
    left_s = arguments.for_s - scenario.faults_end_s
    return replace(scenario, lasts_s=arguments.for_s, settle_s=left_s)


def _check(fault: Fault, scenario: Scenario) -> None:
    if fault.ends_at_s >= _LONGEST_S:
        raise UsageError(f'"{fault}" ends after {fault.ends_at_s:g} s: allowed is less than {_LONGEST_S:g} s')
    if fault.kind is Kind.UPGRADE and fault.value:
        for _, wrong, allowed in replace(scenario.timing, deadline_s=fault.value).problems():
            raise UsageError(f'"{fault}": the deadline {wrong}: allowed is {allowed}')


def _long(arguments: argparse.Namespace, rehearsal: Rehearsal | None) -> Scenario:
    """Random faults, always the same for the same seed."""
    base = _base(arguments, rehearsal, 3600.0 * (arguments.hours or USUAL_HOURS))
    every_s = arguments.every_s or USUALLY_EVERY_S
    chance = random_scenario(base.seed, base.controllers, base.pairings, base.lasts_s, every_s)
    faults = tuple(_fitted(one, base) for one in chance.faults)
    return replace(base, rates=chance.rates, faults=faults)


def _fitted(fault: Fault, scenario: Scenario) -> Fault:
    """An upgrade's deadline was chosen for the usual timing: with another it is as much longer or shorter."""
    timing = scenario.timing
    if fault.kind is not Kind.UPGRADE or timing == Timing():
        return fault
    least_s = 3 * timing.renew_s + timing.timeout_s + 0.1
    scaled_s = fault.value * timing.deadline_s / Timing().deadline_s
    return replace(fault, value=round(max(least_s, scaled_s), 3))


def _intervals(rehearsal: Rehearsal | None) -> Intervals:
    if rehearsal is None:
        return Intervals()
    vcenter, openstack, bus = rehearsal.vcenter, rehearsal.openstack, rehearsal.bus
    return Intervals(
        vcenter_s=vcenter.interval_s,
        nova_s=openstack.interval_s,
        bus_s=bus.interval_s,
        inventory_s=vcenter.inventory_interval_s,
        workload_s=openstack.workload_interval_s,
        timeout_s=vcenter.timeout_s,
        nova_timeout_s=openstack.timeout_s,
        bus_timeout_s=bus.timeout_s,
    )


def _replay(arguments: argparse.Namespace, scenario: Scenario) -> str:
    """The command that plays it again."""
    words = ["nova-watchdog", "simulate", "--seed", str(scenario.seed)]
    words += ["--hours", f"{scenario.lasts_s / 3600:g}"]
    words += ["--every", f"{arguments.every_s or USUALLY_EVERY_S:g}s"]
    words += ["--controllers", str(len(scenario.controllers))]
    if arguments.config is None:
        words += ["--pairings", str(len(scenario.pairings))]
    else:
        words += ["--config", str(arguments.config)]
    return shlex.join(words)


def _play(scenario: Scenario, intervals: Intervals, replay: str, *, to_the_end: bool) -> Outcome:
    lasts_s = max(scenario.lasts_s, scenario.faults_end_s)
    with _quiet(), _progress(lasts_s) as tell, _interrupts() as give_way:

        def progress(now_s: float) -> None:
            give_way()
            tell(now_s)

        try:
            return simulate(scenario, intervals, to_the_end=to_the_end, progress=progress)
        except Exception as error:
            # A daemon, or the simulation itself, has a fault that no rule foresees.
            error.add_note(f"played again by: {replay or 'the same command'}")
            raise


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The simulated daemons log as the real one does; what matters of it is in the timeline."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


@contextlib.contextmanager
def _interrupts() -> Iterator[Callable[[], None]]:
    """Hold a first Ctrl-C back until no daemon is in the middle of a step; a second one ends it at once."""
    usual = signal.getsignal(signal.SIGINT)
    is_asked = False

    def remember(*_: object) -> None:
        nonlocal is_asked
        is_asked = True
        signal.signal(signal.SIGINT, usual)

    def give_way() -> None:
        if is_asked:
            raise KeyboardInterrupt

    if usual is not signal.SIG_IGN:  # as in the background: whoever started it wants it to go on
        signal.signal(signal.SIGINT, remember)
    try:
        yield give_way
    finally:
        signal.signal(signal.SIGINT, usual)


@contextlib.contextmanager
def _progress(lasts_s: float) -> Iterator[Callable[[float], None]]:
    """Tells a person how far it is, and leaves nothing on the screen."""
    shown = sys.stderr.isatty()
    last = -1

    def tell(now_s: float) -> None:
        nonlocal last
        percent = min(100, int(100 * now_s / (lasts_s or now_s or 1.0)))
        if shown and percent != last:
            print(f"\r{percent:3d} %", end="", file=sys.stderr, flush=True)
            last = percent

    try:
        yield tell
    finally:
        if shown and last >= 0:
            print("\r     \r", end="", file=sys.stderr, flush=True)


def _print(arguments: argparse.Namespace, outcome: Outcome, replay: str, *, shares: bool) -> None:
    if arguments.json:
        found = report.as_json(outcome, with_timeline=not replay)
        found |= {"replay": replay} if replay else {}
        terminal.write(json.dumps(found, indent=2) + "\n")
        return
    lines = list(report.before_the_first_violation(outcome) if replay else report.timeline(outcome))
    lines += [""] * bool(lines)
    lines += report.summary(outcome, shares=shares)
    lines += [f"played again by: {replay}"] if replay and not outcome.ok else []
    terminal.write("\n".join(lines) + "\n")
