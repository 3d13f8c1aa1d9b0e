"""From the checked tables and nova's files to `Settings`, with the checks that go across them."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from nova_watchdog.config.across import (
    Member,
    check_ages,
    check_environment,
    check_members,
    check_units,
    members_of,
)
from nova_watchdog.config.bus import buses_of, check_bus_table
from nova_watchdog.config.errors import Findings
from nova_watchdog.config.etcd import read_etcd, read_management
from nova_watchdog.config.maintenance import windows_of
from nova_watchdog.config.notify import read_notify
from nova_watchdog.config.schema import parse_listen
from nova_watchdog.config.settings import (
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
from nova_watchdog.config.toml_file import Document
from nova_watchdog.core.model import Mode, Pairing


def assemble(document: Document, findings: Findings, *, strict: bool) -> Settings | None:
    """The settings, or None when a mistake was recorded, here or before.

    Not strict: nova files that cannot be used cost their own pairing alone, as long as one is left.
    """
    members, unwatched = members_of(document, findings)
    if strict or not members:
        _add_all(unwatched, findings)
    check_units(document, findings)
    check_members(document, members, findings)
    check_environment(document, findings)
    check_ages(document, findings)
    check_bus_table(document, findings)
    maintenance = windows_of(document.file, document.maintenance, frozenset(document.pairings), findings)
    notify = read_notify(document.file, document.notify, findings)
    etcd = read_etcd(document.file, document.etcd, findings)
    management = read_management(document.file, document.management, findings)
    if findings.mistakes:
        _add_all(unwatched, findings)  # all at once, these too
    top, openstack, vcenter, policy = document.top, document.openstack, document.vcenter, document.policy
    http, control, store, log = document.http, document.control, document.store, document.log
    if top is None or openstack is None or vcenter is None or policy is None:
        return None
    bus, hold = document.bus, document.hold
    if (
        bus is None
        or hold is None
        or http is None
        or control is None
        or store is None
        or log is None
        or findings.mistakes
    ):
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
        pairings=tuple(pairing_of(member, top.mode, buses) for member in members),
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
        timing=hold.timing,
        hold_policy=hold.policy,
        etcd=etcd,
        management=management,
        priority=top.priority,
    )


def _add_all(unwatched: Sequence[Unwatched], findings: Findings) -> None:
    for one in unwatched:
        findings.add(one.mistakes)


def pairing_of(member: Member, default_mode: str, buses: Mapping[str, BusSettings]) -> PairingSettings:
    """What the daemon knows of a pairing."""
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


def _vcenters(members: Sequence[Member]) -> Mapping[str, VCenterSettings]:
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
