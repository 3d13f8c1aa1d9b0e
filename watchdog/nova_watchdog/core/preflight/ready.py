"""All checks of one pairing on this controller."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nova_watchdog.core.facts import BusFact, Facts, NovaFact, VCenterFact
from nova_watchdog.core.model import HostLoad, Observation, Observed, Pairing, Reading, Unknown
from nova_watchdog.core.preflight.check import Check, Result
from nova_watchdog.core.preflight.same import identity_of, same_checks
from nova_watchdog.core.preflight.unit import unit_checks
from nova_watchdog.core.preflight.witnesses import Here, Others
from nova_watchdog.core.setup import NovaSetup, UnitSetup
from nova_watchdog.core.snapshot import KeeperSnapshot


@dataclass(frozen=True, slots=True)
class Local:
    """What was looked at on this controller.

    node: its cluster as vCenter last named it, empty: never. hosts: what Nova last said of every host, None:
    never.
    """

    pairing: Pairing
    unit: Observed[UnitSetup]
    nova: Observed[NovaSetup]
    node: str = ""
    hosts: Mapping[str, HostLoad] | None = None

    @property
    def version(self) -> str:
        """nova's, empty: not known."""
        return self.unit.value.nova_version if isinstance(self.unit, Reading) else ""

    @property
    def identity(self) -> Mapping[str, str]:
        """What this controller tells the others of itself."""
        nova = self.nova.value if isinstance(self.nova, Reading) else None
        return identity_of(nova, self.node, self.version)


def checks_of(
    local: Local,
    others: Others,
    observation: Observation,
    facts: Facts | None,
    keeper: KeeperSnapshot | None,
) -> tuple[Check, ...]:
    """Every check, in the order in which a human would mend them. `facts` None: not looked at yet.

    keeper: None where the store and the deadline are left out (their failure is told elsewhere).
    """
    nova = local.nova.value if isinstance(local.nova, Reading) else None
    found = list(unit_checks(local.pairing, local.unit, nova))
    if isinstance(local.nova, Unknown):
        text = f"nova's files could not be read: {local.nova.reason}"
        found.append(Check("nova-files", Result.UNKNOWN, text, "nova-watchdog config check"))
    else:
        here = Here(
            local.pairing,
            local.nova.value,
            local.node,
            local.hosts,
            observation.bus,
            local.version,
        )
        found += same_checks(here, others)
    missing = local.unit.value.missing if isinstance(local.unit, Reading) else ()
    found += _deadline(keeper, missing)
    found += _reached(facts)
    return tuple(found)


def node_of(pairing: Pairing, observation: Observation) -> str:
    """The cluster's hypervisor name by vCenter's last canary, empty where it does not tell."""
    if isinstance(observation.vcenter, Unknown):
        return ""
    view = observation.vcenter.value
    moid = view.clusters.get(pairing.cluster)
    return f"{moid}.{view.instance_uuid}" if moid and view.instance_uuid else ""


def _deadline(keeper: KeeperSnapshot | None, missing: tuple[str, ...]) -> Iterator[Check]:
    if missing:
        text = f"not installed: {', '.join(missing)}"
        yield Check("deadline", Result.FAIL, text, "install the files of systemd/ (systemd/README.md)")
    elif keeper is not None and keeper.until_s is None:
        why = f": {keeper.problem}" if keeper.problem else ""
        text = f"no deadline is armed{why}"
        yield Check("deadline", Result.FAIL, text, "systemctl list-timers 'nova-watchdog-deadline@*'")
    elif keeper is not None:
        yield Check("deadline", Result.PASS, "a deadline is armed")
    if keeper is None:
        return
    if keeper.registered and not keeper.problem:
        yield Check("store", Result.PASS, "this controller is registered, and renews")
    else:
        text = keeper.problem or "this controller is not registered yet"
        yield Check("store", Result.FAIL, text, "see that etcd is reached from here and has a majority")


def _reached(facts: Facts | None) -> Iterator[Check]:
    if facts is None:
        for name in ("vcenter", "message-bus", "nova-api"):
            yield Check(name, Result.UNKNOWN, "not looked at yet")
        return
    yield _vcenter(facts.vcenter)
    yield _message_bus(facts.bus)
    if facts.nova is NovaFact.UNREAD:
        yield Check("nova-api", Result.UNKNOWN, "Nova's API was not read yet")
    elif facts.nova is NovaFact.BLIND:
        text = "Nova's API gives no answer: nobody would see whether somebody else runs it"
        yield Check("nova-api", Result.FAIL, text, "see that Keystone and Nova's API are reached from here")
    else:
        yield Check("nova-api", Result.PASS, "Nova's API answers")


def _vcenter(fact: VCenterFact) -> Check:
    remedies = {
        VCenterFact.UNREACHABLE: ("vCenter is not reached", "see that vCenter is reached from here"),
        VCenterFact.LOGIN_REFUSED: (
            "vCenter refuses the login",
            "mend nova's account or password for vCenter",
        ),
        VCenterFact.CLUSTER_GONE: (
            "vCenter has no such cluster, or another one of that name",
            "see [vmware] cluster_name, and whether the cluster was made anew",
        ),
    }
    if fact in remedies:
        return Check("vcenter", Result.FAIL, *remedies[fact])
    if fact is VCenterFact.UNKNOWN:
        return Check("vcenter", Result.UNKNOWN, "vCenter gave no answer that could be read")
    return Check("vcenter", Result.PASS, "vCenter's canary passes")


def _message_bus(fact: BusFact) -> Check:
    """Unknown does not block here: that a bus cannot be looked at at all is no sign against it."""
    if fact is BusFact.UNKNOWN:
        return Check("message-bus", Result.UNKNOWN, "what was read of it is too old", hard=False)
    texts = {
        BusFact.DOWN: "the message bus is not reached, or refuses the account",
        BusFact.BLOCKED: "the broker lets nobody publish: a memory or disk alarm",
    }
    if fact in texts:
        return Check(
            "message-bus", Result.FAIL, texts[fact], "see that RabbitMQ is reached from here and well"
        )
    return Check("message-bus", Result.PASS, "a message of our own came back")
