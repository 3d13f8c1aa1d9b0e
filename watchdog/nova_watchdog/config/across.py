"""The pairings as their tables and nova's files say, and the checks that go across tables."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nova_watchdog.config.clouds import check_cloud
from nova_watchdog.config.errors import Findings
from nova_watchdog.config.files import is_directory
from nova_watchdog.config.nova_files import Reference
from nova_watchdog.config.nova_settings import NovaValues, read_nova
from nova_watchdog.config.settings import SLOW_TIMEOUT_S, Unwatched
from nova_watchdog.config.toml_file import Document, PairingParts
from nova_watchdog.core.model import Mode


@dataclass(frozen=True, slots=True)
class Member:
    """One pairing on its way: what its table and nova's files say."""

    name: str
    parts: PairingParts
    nova: NovaValues


def members_of(document: Document, findings: Findings) -> tuple[list[Member], tuple[Unwatched, ...]]:
    """The pairings whose nova files can be used, and the others with their mistakes."""
    found, unwatched = [], []
    for name, parts in document.pairings.items():
        if not parts.nova_config:
            continue
        paths = [Path(text) for text in parts.nova_config]
        its = Findings(notes=findings.notes)
        nova = read_nova(paths, Reference(str(document.file), f"pairing.{name}.nova_config"), its)
        if nova is None:
            files = (*paths, *its.files)
            mode = Mode(parts.mode or (document.top.mode if document.top else Mode.OBSERVE))
            unwatched.append(Unwatched(name, parts.unit, tuple(its.mistakes), files, mode))
        else:
            found.append(Member(name, parts, nova))
    return found, tuple(unwatched)


def check_units(document: Document, findings: Findings) -> None:
    """Two pairings with one unit would restart each other's process."""
    first: dict[str, str] = {}
    for name, parts in document.pairings.items():
        owner = first.setdefault(parts.unit, name) if parts.unit else name
        if owner != name:
            findings.wrong(
                str(document.file),
                f"pairing.{name}.unit",
                f'"{parts.unit}" is the unit of pairing.{owner} too',
                "a unit of its own for each pairing",
            )


def check_members(document: Document, members: Sequence[Member], findings: Findings) -> None:
    """What may not be the same in two pairings, and what must be."""

    def once(what: Callable[[NovaValues], Hashable], wrong: str, allowed: str) -> None:
        first: dict[Hashable, Member] = {}
        for member in members:
            owner = first.setdefault(what(member.nova), member)
            if owner is not member:
                text = wrong.format(owner=owner.name, nova=member.nova)
                findings.wrong(str(document.file), f"pairing.{member.name}.nova_config", text, allowed)

    once(
        lambda nova: nova.host,
        '[DEFAULT] host "{nova.host}" is that of pairing.{owner} too',
        "a host of its own for each pairing: two nova-computes under one name destroy each other's work",
    )
    once(
        lambda nova: (nova.address.lower(), nova.port, nova.cluster),
        '[vmware] cluster_name "{nova.cluster}" at {nova.address}:{nova.port} belongs to pairing.{owner} too',
        "one pairing for each cluster of a vCenter",
    )
    first: dict[str, Member] = {}
    for member in members:
        owner = first.setdefault(member.nova.vcenter_key, member)
        mine, theirs = member.nova, owner.nova
        if (mine.ca_file, mine.insecure) != (theirs.ca_file, theirs.insecure):
            findings.wrong(
                str(document.file),
                f"pairing.{member.name}.nova_config",
                f"[vmware] ca_file or insecure differs from pairing.{owner.name}'s for {mine.vcenter_key}",
                "the same trust for the same vCenter and account",
            )
        if mine.password != theirs.password:
            findings.note(
                f"pairing.{member.name}: [vmware] host_password differs from pairing.{owner.name}'s; both"
                f" use {mine.vcenter_key}: one of them is wrong, and its logins may lock the account"
            )
        if mine.insecure:
            findings.note(f"pairing.{member.name}: [vmware] insecure: {mine.vcenter_key} is not verified")


def check_environment(document: Document, findings: Findings) -> None:
    """clouds.yaml, and the directories that the daemon writes into."""
    if document.cloud is not None:
        check_cloud(document.file, document.cloud, findings)
    paths = {
        "control.socket": document.control and document.control.socket,
        "store.path": document.store and document.store.path,
    }
    for key, text in paths.items():
        if text and not is_directory(Path(text).parent):
            findings.wrong(
                str(document.file),
                key,
                f"the directory {Path(text).parent} does not exist",
                "an existing directory; systemd-tmpfiles --create nova-watchdog.conf makes the default ones",
            )


def check_ages(document: Document, findings: Findings) -> None:
    """A reading must not turn Unknown between two probes that both work."""
    policy = document.policy
    if policy is None:
        return
    vcenter, cloud, bus = document.vcenter, document.openstack, document.bus
    if vcenter is not None:
        timeout = ("vcenter.timeout_s", vcenter.timeout_s)
        pause = ("vcenter.interval_s", vcenter.interval_s)
        _check_age(document, "vcenter_max_age_s", policy.vcenter_max_age_s, pause, timeout, findings)
        pause = ("vcenter.inventory_interval_s", vcenter.inventory_interval_s)
        timeout = ("the 30 s of a slow reading", SLOW_TIMEOUT_S)
        _check_age(document, "inventory_max_age_s", policy.inventory_max_age_s, pause, timeout, findings)
    if cloud is not None:
        timeout = ("openstack.timeout_s", cloud.timeout_s)
        pause = ("openstack.interval_s", cloud.interval_s)
        _check_age(document, "services_max_age_s", policy.services_max_age_s, pause, timeout, findings)
        pause = ("openstack.workload_interval_s", cloud.workload_interval_s)
        timeout = ("the 30 s of a slow reading", SLOW_TIMEOUT_S)
        _check_age(document, "workload_max_age_s", policy.workload_max_age_s, pause, timeout, findings)
    if bus is not None:
        timeout, pause = ("bus.timeout_s", bus.timeout_s), ("bus.interval_s", bus.interval_s)
        _check_age(document, "bus_max_age_s", policy.bus_max_age_s, pause, timeout, findings)


def _check_age(
    document: Document,
    key: str,
    age_s: float,
    pause: tuple[str, float],
    timeout: tuple[str, float],
    findings: Findings,
) -> None:
    at_least_s = pause[1] + timeout[1]
    if age_s <= at_least_s:
        allowed = f"more than {pause[0]} + {timeout[0]} ({at_least_s:g})"
        findings.wrong(str(document.file), f"policy.{key}", f"is {age_s:g}", allowed)
