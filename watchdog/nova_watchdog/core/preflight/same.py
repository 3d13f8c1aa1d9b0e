"""What must be the same everywhere the pairing may run: whether it is so here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nova_watchdog.core.model import Answer, BusOutcome, Reading
from nova_watchdog.core.preflight.check import Check, Result
from nova_watchdog.core.preflight.witnesses import Here, Others, by_nova, compared, unread
from nova_watchdog.core.setup import ComputeIdPlace, NovaSetup, options_that_differ

HOST, CLUSTER, BUS, COMPUTE_ID = "host", "cluster", "bus", "compute-id"
OPTIONS, CA, VERSION = "options", "ca", "nova-version"


def identity_of(nova: NovaSetup | None, node: str, version: str = "") -> Mapping[str, str]:
    """What this controller tells the others of itself: no secret, and short, since each renewal writes it."""
    told = {CLUSTER: node, VERSION: version}
    if nova is not None:
        told |= {
            HOST: nova.host,
            BUS: nova.bus,
            COMPUTE_ID: nova.compute_id,
            OPTIONS: nova.options,
            CA: nova.ca,
        }
    return {name: value for name, value in told.items() if value}


def same_checks(here: Here, others: Others) -> Iterator[Check]:
    """The checks of what must be the same wherever the pairing runs."""
    yield _host(here, others)
    yield _cluster(here, others)
    yield _bus(here, others)
    yield _compute_id(here, others)
    yield from _places(here)
    yield _options(here, others)
    yield from _soft(CA, "vCenter's CA", here.nova.ca, others)
    yield from _soft(VERSION, "nova", here.version, others)
    yield _cache_prefix(here.nova)


def _host(here: Here, others: Others) -> Check:
    mine, nova_config = here.nova.host, f"nova_config of pairing {here.pairing.name}"
    if mine != here.pairing.host:
        text = f"nova's files say {mine} now, the daemon watches {here.pairing.host}"
        return Check(HOST, Result.FAIL, text, "systemctl reload nova-watchdog, if that is wanted")
    remedy = f"set [DEFAULT] host in {nova_config} to what it is on the holder"
    # Of a new cluster Nova's list may be a minute old: a holder that renews knows better.
    is_holders = others.live(HOST).get(others.holder) == mine
    if here.hosts is not None and here.load is None and others.holder and not is_holders:
        return Check(HOST, Result.FAIL, f"Nova has no hypervisor of a nova-compute called {mine}", remedy)
    # A host that is another cluster's is one that Nova knows too.
    confirmed = here.load is not None and here.node in here.load.nodes
    return unread(HOST, mine, here, others) or compared(
        HOST, mine, others, confirmed=confirmed, remedy=remedy
    )


def _cluster(here: Here, others: Others) -> Check:
    says = (here.nova.cluster, here.nova.vcenter)
    if all(says) and says != (here.pairing.cluster, here.pairing.vcenter):
        text = f"nova's files say {' at '.join(says)} now, the daemon watches {here.pairing.cluster}"
        return Check(CLUSTER, Result.FAIL, text, "put back what the holder has, or reload nova-watchdog")
    if not here.node:
        text = f"vCenter did not tell yet which cluster {here.pairing.cluster} is"
        return Check(CLUSTER, Result.UNKNOWN, text, "see the check vcenter")
    remedy = "set host_ip and cluster_name in [vmware] to what they are on the holder"
    if here.load is not None and here.load.nodes:
        return by_nova(CLUSTER, here.node, here.load.nodes, others, remedy)
    return unread(CLUSTER, here.node, here, others) or compared(
        CLUSTER, here.node, others, confirmed=False, remedy=remedy
    )


def _bus(here: Here, others: Others) -> Check:
    remedy = "set [DEFAULT] transport_url to the brokers and the virtual host of the holder's"
    if not here.nova.bus:
        return Check(BUS, Result.UNKNOWN, "transport_url is not understood", remedy)
    return compared(BUS, here.nova.bus, others, confirmed=_is_the_bus(here), remedy=remedy)


def _is_the_bus(here: Here) -> bool:
    """Whether a conductor answers there, and the queue of this nova-compute is there."""
    if not isinstance(here.bus, Reading) or here.bus.value.outcome is not BusOutcome.OK:
        return False
    its = here.bus.value.computes.get(here.nova.host)
    queue = its is not None and its.consumers is not None
    return queue and here.bus.value.conductor is Answer.ANSWERED


def _compute_id(here: Here, others: Others) -> Check:
    nova = here.nova
    bad = next((place for place in nova.places if place.problem), None)
    if bad is not None:
        text = f"{bad.directory}/compute_id {bad.problem}"
        return Check(COMPUTE_ID, Result.UNKNOWN, text, "let the group nova read it, or write a UUID into it")
    if not nova.compute_ids:
        searched = ", ".join(place.directory for place in nova.places)
        text = f"there is no file compute_id in {searched}: nova-compute would refuse to start"
        remedy = (
            f"nova-watchdog adopt {here.pairing.name} --compute-id UUID; on the holder preflight shows it"
        )
        return Check(COMPUTE_ID, Result.FAIL, text, remedy)
    if len(nova.compute_ids) > 1:
        held = [place for place in nova.places if place.value is not None]
        text = "; ".join(f"{place.directory}/compute_id is {place.value}" for place in held)
        remedy = "remove the wrong one; the right one is the id of its hypervisor in Nova"
        return Check(COMPUTE_ID, Result.FAIL, f"they differ: {text}", remedy)
    remedy = "write the holder's UUID, which is its hypervisor's id in Nova, into every file compute_id here"
    if here.load is not None and here.load.node_ids:
        return by_nova(COMPUTE_ID, nova.compute_id, here.load.node_ids, others, remedy)
    return unread(COMPUTE_ID, nova.compute_id, here, others) or compared(
        COMPUTE_ID, nova.compute_id, others, confirmed=False, remedy=remedy
    )


def _places(here: Here) -> Iterator[Check]:
    own = [place for place in here.nova.places if not place.shared]
    shared = [place for place in here.nova.places if place.shared and place.value is not None]
    name, remedy = "compute-id-places", f"nova-watchdog adopt {here.pairing.name}"
    if shared:
        text = f"{shared[0].directory}/compute_id is found by another pairing's nova-compute too"
        yield Check(name, Result.FAIL, text, "move it into the pairing's own configuration directory")
    elif here.nova.state_path is None:
        text = (
            "nova's state_path is not set: it lies in nova's installation, and an upgrade may lose compute_id"
        )
        yield Check(name, Result.WARN, text, remedy, hard=False)
    elif here.nova.compute_id and (missing := [place for place in own if place.value is None]):
        text = f"no compute_id in {_directories(missing)}"
        yield Check(name, Result.WARN, text, remedy, hard=False)
    else:
        yield Check(name, Result.PASS, f"looked for in {_directories(here.nova.places)}")


def _directories(places: list[ComputeIdPlace] | tuple[ComputeIdPlace, ...]) -> str:
    return ", ".join(place.directory for place in places)


def _options(here: Here, others: Others) -> Check:
    """The rest of the configuration, by short hashes: it tells which option differs, and not its value."""
    theirs = others.identities.get(others.holder, {}).get(OPTIONS) if others.holder != others.me else None
    if theirs is None:
        return Check(OPTIONS, Result.PASS, "nothing to compare with", hard=False)
    different = options_that_differ(here.nova.options, theirs)
    if different is None:
        text = f"the holder {others.holder} runs another version, which compares other options"
        return Check(OPTIONS, Result.UNKNOWN, text, hard=False)
    if not different:
        return Check(OPTIONS, Result.PASS, f"as on the holder {others.holder}", hard=False)
    text = f"{', '.join(different)}: not as on the holder {others.holder}"
    return Check(OPTIONS, Result.WARN, text, "make nova's files the same on both", hard=False)


def _soft(name: str, what: str, mine: str, others: Others) -> Iterator[Check]:
    theirs = others.identities.get(others.holder, {}).get(name) if others.holder != others.me else None
    if not mine:
        yield Check(name, Result.PASS, f"{what}: not told here", hard=False)
    elif theirs in (None, mine):
        yield Check(name, Result.PASS, f"{what}: {mine}", hard=False)
    else:
        text = f"{what}: {mine} here, {theirs} on the holder {others.holder}"
        yield Check(
            name, Result.WARN, text, "the same on every controller, when it is convenient", hard=False
        )


def _cache_prefix(nova: NovaSetup) -> Check:
    if nova.cache_prefix:
        return Check("cache-prefix", Result.PASS, nova.cache_prefix, hard=False)
    text = "[vmware] cache_prefix is not set: nova's image cache is named after the controller's address"
    remedy = "set cache_prefix = $host on every controller, else each move copies the images anew"
    return Check("cache-prefix", Result.WARN, text, remedy, hard=False)
