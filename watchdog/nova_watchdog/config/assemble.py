"""From the checked tables and nova's files to `Settings`, with the checks that go across them."""

from __future__ import annotations

import socket
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nova_watchdog.config.clouds import check_cloud
from nova_watchdog.config.errors import Findings
from nova_watchdog.config.files import is_directory
from nova_watchdog.config.nova_files import Reference
from nova_watchdog.config.nova_settings import NovaValues, read_nova
from nova_watchdog.config.schema import parse_listen
from nova_watchdog.config.settings import (
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
    if findings.mistakes:
        _add_all(unwatched, findings)  # all at once, these too
    top, openstack, vcenter, policy = document.top, document.openstack, document.vcenter, document.policy
    http, control, store, log = document.http, document.control, document.store, document.log
    if top is None or openstack is None or vcenter is None or policy is None:
        return None
    if http is None or control is None or store is None or log is None or findings.mistakes:
        return None
    listen = parse_listen(http.listen)
    return Settings(
        file=document.file,
        mode=Mode(top.mode),
        controller=top.controller or socket.gethostname(),
        openstack=OpenStackSettings(
            openstack.cloud, Path(openstack.clouds_file), openstack.interval_s, openstack.timeout_s
        ),
        probes=ProbeSettings(vcenter.interval_s, vcenter.timeout_s),
        pairings=tuple(_pairing(member, top.mode) for member in members),
        vcenters=_vcenters(members),
        policy=policy,
        http=None if listen is None else HttpSettings(*listen),
        control_socket=Path(control.socket),
        store_path=Path(store.path),
        log_level=log.level,
        notes=tuple(findings.notes),
        unwatched=unwatched,
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


def _pairing(member: _Member, default_mode: str) -> PairingSettings:
    nova = member.nova
    return PairingSettings(
        pairing=Pairing(
            name=member.name,
            unit=member.parts.unit,
            host=nova.host,
            vcenter=nova.vcenter_key,
            cluster=nova.cluster,
            mode=Mode(member.parts.mode or default_mode),
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
    for key, age_s, table, name in (
        ("vcenter_max_age_s", policy.vcenter_max_age_s, document.vcenter, "vcenter"),
        ("services_max_age_s", policy.services_max_age_s, document.openstack, "openstack"),
    ):
        if table is not None and age_s <= table.interval_s + table.timeout_s:
            findings.wrong(
                str(document.file),
                f"policy.{key}",
                f"is {age_s:g}",
                f"more than {name}.interval_s + {name}.timeout_s ({table.interval_s + table.timeout_s:g})",
            )
