"""What a simulation takes from a configuration. It needs no controller: no nova files, no clouds.yaml."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nova_watchdog.config.across import Member, check_ages, check_members, check_units, members_of
from nova_watchdog.config.assemble import pairing_of
from nova_watchdog.config.bus import buses_of, check_bus_table
from nova_watchdog.config.errors import Findings
from nova_watchdog.config.schema import BusTable, OpenStackTable, VCenterTable
from nova_watchdog.config.settings import Unwatched
from nova_watchdog.config.toml_file import Document
from nova_watchdog.core.hold.decide import HoldPolicy
from nova_watchdog.core.hold.timing import Timing
from nova_watchdog.core.model import Mode, Pairing
from nova_watchdog.core.policy import Policy

# Of a pairing whose nova files are not here. What groups the pairings for the breaker is then not known.
_SHARED_VCENTER = "vcenter"
_SHARED_BUS = "rabbit://bus"


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The pairings, how often is read, and everything that decides.

    shares: there is a table `[etcd]`. notes: lines for people.
    """

    pairings: tuple[Pairing, ...]
    vcenter: VCenterTable
    openstack: OpenStackTable
    bus: BusTable
    policy: Policy
    timing: Timing
    hold_policy: HoldPolicy
    shares: bool
    notes: tuple[str, ...] = ()


def rehearsal_of(document: Document, findings: Findings) -> Rehearsal | None:
    """The rehearsal, or None when a mistake was recorded, here or before."""
    members, unread = members_of(document, findings)
    check_units(document, findings)
    check_members(document, members, findings)
    check_ages(document, findings)
    check_bus_table(document, findings)
    top, hold, policy = document.top, document.hold, document.policy
    vcenter, openstack, bus = document.vcenter, document.openstack, document.bus
    if top is None or hold is None or policy is None or findings.mistakes:
        return None
    if vcenter is None or openstack is None or bus is None:
        return None
    found = {one.name: one for one in _read(members, top.mode, bus)}
    made_up = {one.name: _made_up(one, document, Mode(top.mode)) for one in unread}
    return Rehearsal(
        pairings=tuple((found | made_up)[name] for name in document.pairings),
        vcenter=vcenter,
        openstack=openstack,
        bus=bus,
        policy=policy,
        timing=hold.timing,
        hold_policy=hold.policy,
        shares=document.etcd is not None,
        notes=_notes(unread),
    )


def _notes(unread: Sequence[Unwatched]) -> tuple[str, ...]:
    """One for all of them: on another machine that is every pairing."""
    if not unread:
        return ()
    names = ", ".join(f"pairing.{one.name}" for one in unread)
    reasons = list(dict.fromkeys(one.lines[0] for one in unread))
    more = f", and {len(reasons) - 1} more like it" if len(reasons) > 1 else ""
    made_up = "its vCenter and its message bus are made up"
    if len(unread) > 1:
        made_up = "they share one vCenter and one message bus here"
    return (f"{names}: nova's files are not read here ({reasons[0]}{more}): {made_up}",)


def _read(members: Sequence[Member], mode: str, bus: BusTable) -> list[Pairing]:
    buses = buses_of({one.name: one.nova for one in members}, bus, Findings())
    return [pairing_of(one, mode, buses).pairing for one in members]


def _made_up(one: Unwatched, document: Document, mode: Mode) -> Pairing:
    own = document.pairings[one.name].mode
    return Pairing(
        name=one.name,
        unit=one.unit,
        host=one.name,
        vcenter=_SHARED_VCENTER,
        cluster=one.name,
        mode=Mode(own) if own else mode,
        bus=_SHARED_BUS,
    )
