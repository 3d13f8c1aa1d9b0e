"""From the checked tables and nova's files to `Settings`, with the checks that go across them."""

from __future__ import annotations

import socket
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nova_watchdog.config.bus import buses_of, check_bus_table
from nova_watchdog.config.clouds import check_cloud
from nova_watchdog.config.errors import Findings
from nova_watchdog.config.files import is_directory
from nova_watchdog.config.maintenance import windows_of
from nova_watchdog.config.notify import read_notify
from nova_watchdog.config.nova_files import Reference
from nova_watchdog.config.nova_settings import NovaValues, read_nova
from nova_watchdog.config.schema import parse_listen
from nova_watchdog.config.settings import (
    SLOW_TIMEOUT_S,
    BusSettings,
    HttpSettings,
    NovaSettings,
    OpenStackSettings,
    PairingSettings,
    ProbeSettings,
    Settings,
    Unwatched,
    VCenterSettings,
)
from nova_watchdog.config.toml_file import Document, PairingParts
from nova_watchdog.core.model import Mode, Pairing


@dataclass(frozen=True, slots=True)
class _Member:
    """One pairing on its way: what its table and nova's files say."""

    name: str
    parts: PairingParts
    nova: NovaValues


def assemble(document: Document, findings: Findings, *, strict: bool) -> Settings | None:
    """The settings, or None when a mistake was recorded, here or before.

    Not strict: nova files that cannot be used cost their own pairing alone, as long as one is left.
    """
    members, unwatched = _members(document, findings)
    if strict or not members:
        _add_all(unwatched, findings)
    _check_units(document, findings)
    _check_members(document, members, findings)
    _check_environment(document, findings)
    _check_ages(document, findings)
    check_bus_table(document, findings)
    maintenance = windows_of(document.file, document.maintenance, frozenset(document.pairings), findings)
    notify = read_notify(document.file, document.notify, findings)
    if findings.mistakes:
        _add_all(unwatched, findings)  # all at once, these too
    top, openstack, vcenter, policy = document.top, document.openstack, document.vcenter, document.policy
    http, control, store, log = document.http, document.control, document.store, document.log
    if top is None or openstack is None or vcenter is None or policy is None:
        return None
    bus = document.bus
    if bus is None or http is None or control is None or store is None or log is None or findings.mistakes:
        return None
    buses = buses_of({member.name: member.nova for member in members}, bus, findings)
    listen = parse_listen(http.listen)
    return Settings(
        file=document.file,
        mode=Mode(top.mode),
        controller=top.controller or socket.gethostname(),
        openstack=OpenStackSettings(
            openstack.cloud,
            Path(openstack.clouds_file),
            openstack.interval_s,
            openstack.timeout_s,
            openstack.workload_interval_s,
        ),
        probes=ProbeSettings(vcenter.interval_s, vcenter.timeout_s, vcenter.inventory_interval_s),
        pairings=tuple(_pairing(member, top.mode, buses) for member in members),
        vcenters=_vcenters(members),
        policy=policy,
        http=None if listen is None else HttpSettings(*listen),
        control_socket=Path(control.socket),
        store_path=Path(store.path),
        log_level=log.level,
        notes=tuple(findings.notes),
        buses=buses,
        unwatched=unwatched,
        maintenance=maintenance,
        notify=notify,
    )


def _members(document: Document, findings: Findings) -> tuple[list[_Member], tuple[Unwatched, ...]]:
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
            unwatched.append(Unwatched(name, parts.unit, tuple(its.mistakes), files))
        else:
            found.append(_Member(name, parts, nova))
    return found, tuple(unwatched)


def _add_all(unwatched: Sequence[Unwatched], findings: Findings) -> None:
    for one in unwatched:
        findings.add(one.mistakes)


def _pairing(member: _Member, default_mode: str, buses: Mapping[str, BusSettings]) -> PairingSettings:
    nova = member.nova
    return PairingSettings(
        pairing=Pairing(
            name=member.name,
            unit=member.parts.unit,
            host=nova.host,
            vcenter=nova.vcenter_key,
            cluster=nova.cluster,
            mode=Mode(member.parts.mode or default_mode),
            bus=next((key for key, bus in buses.items() if member.name in bus.pairings), ""),
            datastore_regex=nova.datastore_regex,
        ),
        nova=NovaSettings(
            host=nova.host,
            vcenter=nova.vcenter_key,
            cluster=nova.cluster,
            datastore_regex=nova.datastore_regex,
            cache_prefix=nova.cache_prefix,
            api_retry_count=nova.api_retry_count,
            state_path=nova.state_path,
            transport=nova.transport,
            files=nova.files,
        ),
    )


def _vcenters(members: Sequence[_Member]) -> Mapping[str, VCenterSettings]:
    """One entry for each vCenter and account, in the order of the pairings."""
    found: dict[str, VCenterSettings] = {}
    for key in dict.fromkeys(member.nova.vcenter_key for member in members):
        group = [member for member in members if member.nova.vcenter_key == key]
        first = group[0].nova
        found[key] = VCenterSettings(
            key=key,
            address=first.address,
            port=first.port,
            username=first.username,
            password=first.password_source(),
            ca_file=first.ca_file,
            insecure=first.insecure,
            clusters=tuple(member.nova.cluster for member in group),
            pairings=tuple(member.name for member in group),
        )
    return found


def _check_units(document: Document, findings: Findings) -> None:
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


def _check_members(document: Document, members: Sequence[_Member], findings: Findings) -> None:
    """What may not be the same in two pairings, and what must be."""

    def once(what: Callable[[NovaValues], Hashable], wrong: str, allowed: str) -> None:
        first: dict[Hashable, _Member] = {}
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
    first: dict[str, _Member] = {}
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


def _check_environment(document: Document, findings: Findings) -> None:
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


def _check_ages(document: Document, findings: Findings) -> None:
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
