"""The simulated cloud: a store, a vCenter, a Nova, a message bus, and controllers with the real daemon."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from nova_watchdog.core.diagnose import Condition, condition_of
from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.model import Mode, Pairing
from nova_watchdog.core.state import Phase
from nova_watchdog.simulation.conduct import Conduct, Deed
from nova_watchdog.simulation.invariants import Judge
from nova_watchdog.simulation.moves import Moves
from nova_watchdog.simulation.parts.bus import BusPort, SimulatedBus
from nova_watchdog.simulation.parts.compute import Cloud, ComputeProcesses, Identity, start_rogue
from nova_watchdog.simulation.parts.disk_store import DiskStore
from nova_watchdog.simulation.parts.machine import Machine
from nova_watchdog.simulation.parts.network import BUS, NOVA, STORE, VCENTER, Network
from nova_watchdog.simulation.parts.nova import NovaPort, SimulatedNova
from nova_watchdog.simulation.parts.records import Snapshot
from nova_watchdog.simulation.parts.store import SimulatedStore, StorePort
from nova_watchdog.simulation.parts.tokens import write_token
from nova_watchdog.simulation.parts.vcenter import VCenterPort, VCenterTruth
from nova_watchdog.simulation.scenario import Kind, Scenario
from nova_watchdog.simulation.site import Ears, Intervals, Reach, Site
from nova_watchdog.simulation.timeline import Timeline
from nova_watchdog.simulation.trace import Trace, moment

_VCENTER_UUID = "uuid"
# How often the store is backed up, and how many backups are kept.
_BACKUP_EVERY_S = 10.0
_BACKUPS_KEPT = 40
_FIRST_START_S = 0.5
# One way, with a leader whose disk is slow: some requests time out.
_SLOW_STORE_S = (0.5, 4.0)
_SLOW_STORE = "slow store"
# As measured with a vCenter that does not answer.
_SLOW_STOP_S = 165.0
_FIRST_TOKEN_S = 60.0
# What the trace says of it.
DEADLINE_FIRED = "the deadline fires: systemd kills what still runs here"
# What is broken for so long every controller has to know.
KNOWABLE_S = 25.0
# What makes a start free, so that the budget of starts does not count it.
_DEPENDENCIES = frozenset(
    {Kind.VCENTER_DOWN, Kind.BUS_DOWN, Kind.CUT, Kind.CUT_VCENTER, Kind.CUT_BUS, Kind.NOVA_DOWN}
)
# A systemd that answers sooner is not slow.
_QUICK_S = 0.1
_JUST_FIRED_S = 2.0
# By then a canary has told that a path is back: until then a daemon goes by the one before.
_PATH_KNOWN_S = 15.0


@dataclass(frozen=True, slots=True)
class Gap:
    """A pairing had no process on any controller. `until_s` is None: it had none to the end."""

    since_s: float
    until_s: float | None = None

    def lasts_s(self, end_s: float) -> float:
        """How long, in a run that ended then."""
        return (end_s if self.until_s is None else self.until_s) - self.since_s


class SimulatedWorld:
    """Everything of one run. `break_part`, `cut` and the like return how to end them."""

    def __init__(self, scenario: Scenario, intervals: Intervals) -> None:
        self.scenario = scenario
        self.timeline = Timeline()
        self.trace = Trace()
        self.random = Random(scenario.seed)  # noqa: S311 - to be played again, not to be secret
        self.network = Network(self.timeline, self.random)
        self.store = SimulatedStore()
        self.pairings = _pairings(scenario)
        self._units = {one.name: one.unit for one in self.pairings}
        moids = {one.name: f"domain-c{i}" for i, one in enumerate(self.pairings, start=1)}
        self.vcenter = VCenterTruth(
            {one.cluster: moids[one.name] for one in self.pairings}, uuid=_VCENTER_UUID
        )
        self.vcenter.sessions = None
        self.nova = SimulatedNova(
            self.timeline, {one.host: f"{moids[one.name]}.{_VCENTER_UUID}" for one in self.pairings}
        )
        self.bus = SimulatedBus(self.timeline)
        self.cloud = Cloud(self.network, self.nova, self.bus, {VCENTER: self.vcenter}, self.random)
        self.store_ports: dict[str, StorePort] = {}
        self.processes: dict[str, ComputeProcesses] = {}
        self.sites: dict[str, Site] = {}
        timing, kinds = scenario.timing, {fault.kind for fault in scenario.faults}
        self.judge = Judge(
            self.timeline,
            self._runs,
            kill_s=timing.kill_s,
            lapse_s=2 * timing.takeover_wait_s,
            moves_allowed=scenario.hold_policy.move_budget,
            move_window_s=scenario.hold_policy.move_window_s,
        )
        # The units whose stop is slow now, each as often as a fault makes it so.
        self.slow_stops: list[str] = []
        self._cuts: dict[tuple[str, str], list[tuple[bool, bool]]] = defaultdict(list)
        self._cut_since_s: dict[tuple[str, str], float] = {}
        self._last_cut_s: dict[tuple[str, str], tuple[float, float]] = {}
        self._lasting: Counter[str] = Counter()
        self._over: dict[str, Callable[[], object]] = {}
        self._broken: dict[str, list[float]] = defaultdict(list)
        self._sees_nova_since_s: dict[str, float] = {}
        self._backups: list[tuple[float, Snapshot]] = []
        self._rogues = itertools.count(1)
        self._first_ran_at_s: dict[str, float] = {}
        self._ended_at_s: dict[tuple[str, str], float] = {}
        # When somebody emptied /run there: systemd refuses starts until a renewal writes the tokens anew.
        self.wiped_at_s: dict[str, float] = {}
        self.gaps: dict[str, list[Gap]] = defaultdict(list)
        self.conduct = Conduct(
            self.timeline, self.pairings, scenario.policy, counts_starts=not _DEPENDENCIES & kinds
        )
        self.moves = Moves(self.timeline, self.pairings, scenario.hold_policy, self.cut_since_s)
        self.store.on_commit.append(lambda who, _expected, puts, _revision: self.judge.committed(who, puts))
        self.store.on_commit.append(
            lambda who, _expected, puts, _revision: self._tell(self.moves.committed(who, puts))
        )
        self.store.on_commit.append(lambda _who, _expected, puts, _revision: self.conduct.committed(puts))
        ears = Ears(self._acted, self.say, lambda *gave: self._tell(self.moves.gave(*gave)))
        for name in scenario.controllers:
            self._add_site(name, intervals, ears)
        self._begin()

    def _add_site(self, name: str, intervals: Intervals, ears: Ears) -> None:
        local_store = DiskStore()

        def reach(machine: Machine) -> Reach:
            hosts = [one.host for one in self.pairings]
            port = self.store_ports[name] = StorePort(
                name, self.store, self.network, self.timeline, timeout_s=self.scenario.timing.timeout_s
            )
            return Reach(
                store=port,
                local_store=local_store,
                vcenter=VCenterPort(machine.name, self.vcenter, self.network, timeout_s=intervals.timeout_s),
                nova=NovaPort(machine.name, self.nova, self.network, timeout_s=intervals.nova_timeout_s),
                bus=BusPort(machine.name, self.bus, self.network, hosts, timeout_s=intervals.bus_timeout_s),
            )

        site = Site(name, self.scenario, self.pairings, self.timeline, intervals, ears, reach)
        self.sites[name] = site
        identities = {one.unit: Identity(one.host) for one in self.pairings}
        self.processes[name] = ComputeProcesses(site.systemd, identities, self.cloud)
        usual = site.systemd.stop_takes
        site.systemd.stop_takes = lambda unit: _SLOW_STOP_S if unit in self.slow_stops else usual(unit)
        site.systemd.deadline.on_kill.append(lambda: self.say(name, DEADLINE_FIRED))
        names = {one.unit: one.name for one in self.pairings}
        site.systemd.on_began.append(lambda unit: self._process_began(names[unit], name))
        site.systemd.on_ended.append(lambda unit: self._process_ended(names[unit], name))
        site.machine.on_change.append(lambda: self._machine_changed(name))

    def _begin(self) -> None:
        """As on the evening of the installation: each pairing runs somewhere, and then come the daemons."""
        names = list(self.sites)
        for index, pairing in enumerate(self.pairings):
            home = self.sites[names[index % len(names)]]
            write_token(home.machine, pairing.name, home.machine.clock.now_s() + _FIRST_TOKEN_S)
            home.systemd.start_by_human(pairing.unit)
        for index, site in enumerate(self.sites.values()):
            self.timeline.call_at(_FIRST_START_S * (index + 1), site.service.start)
        self.timeline.call_later(_FIRST_TOKEN_S, self._back_up)

    # --- for the faults

    def unit(self, pairing: str) -> str:
        """The unit of a pairing."""
        return self._units[pairing]

    def running(self, pairing: str) -> list[Site]:
        """Where it has a process."""
        return [site for site in self.sites.values() if self._units[pairing] in site.systemd.processes]

    def holders(self, pairing: str) -> list[Site]:
        """Who holds it, by the word of its daemon."""
        found = ((site, site.holding(pairing)) for site in self.sites.values())
        return [site for site, holding in found if holding is not None and holding.claim is Claim.MINE]

    def cut(
        self, controller: str, targets: Sequence[str], *, requests: bool, replies: bool
    ) -> Callable[[], None]:
        """Let requests or replies get lost, whatever else is cut."""
        for target in targets:
            self._cuts[controller, target].append((requests, replies))
            since_s = self.cut_since_s(controller, target)
            self._cut_since_s[controller, target] = self.timeline.now_s if since_s is None else since_s
            self._apply_cuts(controller, target)

        def end() -> None:
            for target in targets:
                self._cuts[controller, target].remove((requests, replies))
                if not self._cuts[controller, target]:
                    since_s = self._cut_since_s.pop((controller, target))
                    self._last_cut_s[controller, target] = since_s, self.timeline.now_s
                self._apply_cuts(controller, target)
            if NOVA in targets:
                self.sees_nova(controller)

        return end

    def cut_since_s(self, controller: str, target: str) -> float | None:
        """Since when it has no way there, as far as its canaries tell; None: it has one."""
        last_s, until_s = self._last_cut_s.get((controller, target), (0.0, -KNOWABLE_S))
        was_cut = self.timeline.now_s - until_s < _PATH_KNOWN_S
        return self._cut_since_s.get((controller, target), last_s if was_cut else None)

    def lasting(
        self, what: str, begin: Callable[[], object], over: Callable[[], object]
    ) -> Callable[[], None]:
        """Let it begin, unless it lasts already; it is over when each that asked for it has ended it.

        over: of the first one, which found things as they usually are.
        """
        self._lasting[what] += 1
        if self._lasting[what] == 1:
            self._over[what] = over
            begin()

        def end() -> None:
            self._lasting[what] -= 1
            if not self._lasting[what]:
                self._over.pop(what)()

        return end

    def slow_store(self) -> Callable[[], None]:
        """Let every request to the store and every answer of it take long."""
        return self.lasting(_SLOW_STORE, lambda: self._apply_to_all(STORE), lambda: self._apply_to_all(STORE))

    def _apply_to_all(self, target: str) -> None:
        for name in self.sites:
            self._apply_cuts(name, target)

    def sees_nova(self, controller: str) -> None:
        """From now on its daemon can learn whether Nova gets reports: it could not before."""
        self._sees_nova_since_s[controller] = self.timeline.now_s

    def _apply_cuts(self, controller: str, target: str) -> None:
        self.network.heal(controller, target)
        if target == STORE and self._lasting[_SLOW_STORE]:
            self.network.slow(controller, target, *_SLOW_STORE_S)
        for requests, replies in self._cuts[controller, target]:
            self.network.cut(controller, target, requests=requests, replies=replies)

    def break_part(self, part: str) -> Callable[[], None]:
        """vCenter, the bus or Nova's API is away for everybody."""
        self._broken[part].append(self.timeline.now_s)
        self._apply_broken(part)

        def end() -> None:
            self._broken[part].pop()
            self._apply_broken(part)
            self.judge.rogues_report_again()
            for name in self.sites if part == NOVA else ():
                self.sees_nova(name)

        return end

    def _apply_broken(self, part: str) -> None:
        breaks = {VCENTER: self.vcenter.cut, BUS: self.bus.cut, NOVA: self.nova.fail}
        heals = {VCENTER: self.vcenter.heal, BUS: self.bus.heal, NOVA: self.nova.heal}
        (breaks if self._broken[part] else heals)[part]()

    def hang(self, pairing: str) -> Callable[[], None]:
        """The processes that it has now do nothing any more, for a while."""
        unit = self._units[pairing]
        hung = [one.running[unit] for one in self.processes.values() if unit in one.running]
        for process in hung:
            process.hung = True

        def end() -> None:
            for process in hung:
                process.hung = False

        return end

    def rogue(self, pairing: str) -> Callable[[], None]:
        """Somebody runs it on a machine without a watchdog."""
        found = next(one for one in self.pairings if one.name == pairing)
        machine = Machine(f"rogue{next(self._rogues)}", self.timeline)
        process = start_rogue(Identity(found.host), machine, self.cloud)
        self.say(machine.name, f"{pairing} a rogue begins: a nova-compute that no watchdog runs")
        self.judge.rogue(pairing, runs=True)

        def end() -> None:
            process.end()
            self.say(machine.name, f"{pairing} the rogue is dead")
            self.judge.rogue(pairing, runs=False)

        return end

    def restore_store(self, age_s: float) -> None:
        """The store goes back to a backup that is at least so old, or to the oldest."""
        if not self._backups:
            self.say("cloud", "the store stays as it is: the cloud has just begun, there is no backup yet")
            return
        old_enough = [one for one in self._backups if one[0] <= self.timeline.now_s - age_s]
        backup = old_enough[-1] if old_enough else self._backups[0]
        self._backups = [backup]
        made_at_s, snapshot = backup
        which = "" if old_enough else ", its oldest backup"
        self.say("cloud", f"the store is as it was at {moment(made_at_s)}{which}")
        self.store.restore(snapshot)
        records = {key: one.value for key, one in self.store.records.read("").items()}
        self.conduct.restored(records)
        self.judge.restored(records)
        self.moves.restored(records)

    def _back_up(self) -> None:
        self._backups.append((self.timeline.now_s, self.store.snapshot()))
        del self._backups[:-_BACKUPS_KEPT]
        self.timeline.call_later(_BACKUP_EVERY_S, self._back_up)

    # --- what is told

    def say(self, who: str, text: str) -> None:
        """A line of the trace."""
        self.trace.add(self.timeline.now_s, who, text)

    def _acted(self, controller: str, pairing: str, rule: str, action: str, outcome: str) -> None:
        self.say(controller, f"{pairing} {rule} {action}: {outcome}")
        wrong = []
        if action == "start":
            wrong = [part for part in (VCENTER, BUS) if self._is_knowably_broken(part)]
            if self._has_no_canary(pairing, controller):
                wrong.append("no canary can have passed since its end")
        self.judge.acted(controller, pairing, rule, action, outcome, wrong)
        site = self.sites[controller]
        boot = site.machine.clock.boot_id()
        deed = Deed(controller, boot, pairing, rule, action, outcome, is_covered=self._covers(site, pairing))
        self._tell(self.conduct.judge(deed))

    def _tell(self, wrong: list[tuple[str, str]]) -> None:
        for name, text in wrong:
            self.judge.violated(name, text)

    def _has_no_canary(self, pairing: str, controller: str) -> bool:
        """Whether vCenter is away since before its process ended there."""
        since_s = self._broken[VCENTER]
        return bool(since_s) and since_s[0] <= self._ended_at_s.get((pairing, controller), -1.0)

    def _covers(self, site: Site, pairing: str) -> bool:
        """Whether it may run there; a deadline that fired while a slow systemd started it is no mistake."""
        if site.systemd.call_takes_s > _QUICK_S:
            return True
        timing, wiped_at_s = self.scenario.timing, self.wiped_at_s.get(site.name, -math.inf)
        if self.timeline.now_s - wiped_at_s < timing.renew_s + timing.timeout_s:
            return True
        state, now_s = site.systemd.deadline.now(), site.machine.clock.now_s()
        if state.fired_at_s is not None and now_s - state.fired_at_s < _JUST_FIRED_S:
            return True
        # As it was when the daemon asked for it: until systemd answers the token may be taken back.
        return state.elapses_at_s is not None and site.systemd.had_token.get(self._units[pairing], False)

    def _is_knowably_broken(self, part: str) -> bool:
        since_s = self._broken[part]
        return bool(since_s) and self.timeline.now_s - since_s[0] >= KNOWABLE_S

    def _machine_changed(self, name: str) -> None:
        self.sees_nova(name)
        self.judge.machine_changed(name, stands_still=self.sites[name].machine.stands_still)

    def _process_began(self, pairing: str, machine: str) -> None:
        self.say(machine, f"{pairing} nova-compute runs")
        gaps = self.gaps[pairing]
        if gaps and gaps[-1].until_s is None:
            gaps[-1] = Gap(gaps[-1].since_s, self.timeline.now_s)
        self._first_ran_at_s.setdefault(pairing, self.timeline.now_s)
        self.conduct.process_began(pairing)
        self.moves.process_began(pairing)
        site = self.sites[machine]
        sees_nova_since_s = max(site.begun_at_s, self._sees_nova_since_s.get(machine, 0.0))
        self.judge.process_began(pairing, machine, sees_nova_since_s)

    def _process_ended(self, pairing: str, machine: str) -> None:
        self.say(machine, f"{pairing} nova-compute is dead")
        self._ended_at_s[pairing, machine] = self.timeline.now_s
        self.moves.process_ended(pairing)
        self.conduct.process_ended(pairing, machine, has_power=self.sites[machine].machine.is_on)
        self.judge.process_ended(pairing, machine)
        if not self.judge.processes(pairing):
            self.gaps[pairing].append(Gap(self.timeline.now_s))

    def _runs(self, machine: str) -> bool:
        return self.sites[machine].machine.runs

    # --- how it is

    def is_well(self) -> bool:
        """Each pairing is held by exactly one controller, and is healthy there by its own word.

        But for those in mode observe: nobody holds them, and nothing is done for them.
        """
        return not self.waiting()

    def waiting(self) -> dict[str, str]:
        """Why a pairing is not well, by name."""
        protected = [one.name for one in self.pairings if one.mode is Mode.PROTECT]
        return {name: why for name in protected if (why := self._why_not_well(name))}

    def _why_not_well(self, pairing: str) -> str:
        words = []
        for name, site in self.sites.items():
            holding = site.holding(pairing)
            loop = site.loops.get(pairing)
            shown = loop.snapshot if loop and site.service.runs else None
            if holding is None or shown is None:
                words.append(f"{name}: no daemon")
                continue
            diagnosis = shown.decision.diagnosis.diagnosis
            if holding.claim is Claim.MINE and condition_of(diagnosis) is Condition.HEALTHY:
                return ""
            words.append(
                f"{name}: {holding.claim.value} {holding.rule} {diagnosis.value} {shown.decision.rule.number}"
            )
        return "; ".join(words)

    def is_spent(self, pairing: str) -> bool:
        """Whether a budget keeps it down: of starts where it is held, or of moves."""
        for site in self.sites.values():
            holding, loop = site.holding(pairing), site.loops.get(pairing)
            if holding is None or loop is None or loop.snapshot is None:
                continue
            held = holding.claim is Claim.MINE
            if holding.rule == "H44" or (held and loop.snapshot.decision.state.phase is Phase.GIVEN_UP):
                return True
        return False

    def availability(self) -> float:
        """The share of all pairings' time in which they had a process."""
        now_s = self.timeline.now_s
        ran_s = sum(now_s - since_s for since_s in self._first_ran_at_s.values())
        gaps_s = sum(gap.lasts_s(now_s) for gaps in self.gaps.values() for gap in gaps)
        return (ran_s - gaps_s) / (now_s * len(self.pairings) or 1.0)

    def close(self) -> None:
        """End the daemons."""
        for site in self.sites.values():
            if site.service.loop is not None:
                site.service.loop.close()


def _pairings(scenario: Scenario) -> tuple[Pairing, ...]:
    return scenario.known or tuple(
        Pairing(
            name,
            unit=f"nova-compute@{name}.service",
            host=f"host-{name}",
            vcenter="vc1",
            cluster=f"cluster of {name}",
            mode=Mode.PROTECT,
            bus="rabbit://bus",
        )
        for name in scenario.pairings
    )
