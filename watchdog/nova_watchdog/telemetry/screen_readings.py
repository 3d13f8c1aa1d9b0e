"""A pairing's readings, concerns and pauses as lines for people: each a label and a text."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nova_watchdog.telemetry.text import age, counted, until_s
from nova_watchdog.telemetry.view_readings import Document

Lines = Iterator[tuple[str, str]]

_GIB = 1024**3


def quick_readings(pairing: Document) -> Lines:
    """What changes quickly: the value with its age, or why it is unknown."""
    for label, reading, words in (
        ("unit", "unit", _unit),
        ("vcenter", "vcenter", _vcenter),
        ("nova", "services", _nova),
        ("bus", "bus", _bus),
    ):
        yield _one(label, pairing, reading, words)


def slow_readings(pairing: Document) -> Lines:
    """What changes slowly, in the same way."""
    yield _one("load", pairing, "workload", _load)
    yield _one("cluster", pairing, "inventory", _cluster)
    inventory = pairing["readings"]["inventory"]
    if inventory["known"]:
        yield "", _around(inventory)


def _one(
    label: str, pairing: Document, reading: str, words: Callable[[Document, Document], str]
) -> tuple[str, str]:
    found = pairing["readings"][reading]
    if not found["known"]:
        return label, f"unknown for {age(found['age_s'])}: {found['reason']}"
    return label, words(pairing, found)


def concerns(pairing: Document) -> Lines:
    """What is not as it should be, beside the diagnosis."""
    for one in pairing["concerns"]:
        yield "concern", f"{one['detail']} ({one['word']})"


def holds(shown: Document, pairing: Document) -> Lines:
    """What keeps the daemon from acting: a pause, a maintenance window."""
    pause = pairing["pause"]
    if pause is not None:
        left = age(max(0.0, until_s(shown, pause["until"])))
        yield "paused", f"by {pause['by']} until {pause['until']} ({left} left): {pause['reason']}"
    if pairing["window"]:
        yield "window", f"maintenance window {pairing['window']} is open: nothing is done"


def _unit(pairing: Document, unit: Document) -> str:
    job = f", job {unit['job']}" if unit["job"] else ""
    pid = f", pid {unit['main_pid']}" if unit["main_pid"] else ""
    detail = f", {unit['detail']}" if unit["detail"] else ""
    return f"{pairing['unit']} {unit['active']} ({unit['sub']}){pid}{job}{detail}"


def _vcenter(pairing: Document, vcenter: Document) -> str:
    detail = f": {vcenter['detail']}" if vcenter["detail"] else ""
    gone = f", no cluster {pairing['cluster']}" if pairing["facts"]["vcenter"] == "cluster-gone" else ""
    return f"{pairing['vcenter']} {vcenter['outcome']}{gone}{detail}, read {age(vcenter['age_s'])} ago"


def _nova(pairing: Document, services: Document) -> str:
    conductors = f"conductors up {services['conductors_up']} of {services['conductors']}"
    record = services["record"]
    if record is None:
        return f"no service record of {pairing['host']}, {conductors}, read {age(services['age_s'])} ago"
    state = "up" if record["up"] else "down"
    status = "disabled" if record["disabled"] else "enabled"
    reason = f" ({record['disabled_reason']})" if record["disabled"] and record["disabled_reason"] else ""
    forced = ", forced down" if record["forced_down"] else ""
    beat_s = pairing["heartbeat_age_s"]
    beat = "no heartbeat seen" if beat_s is None else f"heartbeat {age(beat_s)} ago"
    return (
        f"{pairing['host']} {state}, {status}{reason}{forced}, {beat}, {conductors}, "
        f"read {age(services['age_s'])} ago"
    )


def _bus(pairing: Document, bus: Document) -> str:
    detail = f": {bus['detail']}" if bus["detail"] else ""
    asked = f", conductor {bus['conductor']}" if bus["outcome"] == "ok" else ""
    compute = bus["compute"]
    if compute is not None:
        took_s = compute["ping_took_s"]
        took = "" if took_s is None else f" in {took_s * 1000:.0f} ms"
        queue = (
            "no queue"
            if compute["consumers"] is None
            else f"{counted(compute['consumers'], 'consumer')}, {compute['queued']} queued"
        )
        asked += f", ping {compute['ping']}{took}, {queue}"
    return f"{pairing['bus']} {bus['outcome']}{detail}{asked}, read {age(bus['age_s'])} ago"


def _load(pairing: Document, workload: Document) -> str:
    load = workload["load"]
    if load is None:
        return f"Nova has no hypervisor of {pairing['host']}, read {age(workload['age_s'])} ago"
    builds = load["builds_s"]
    oldest = f" (the oldest for {age(max(builds))})" if builds else ""
    return (
        f"{counted(load['instances'], 'instance')}, {len(builds)} in BUILD{oldest}, "
        f"read {age(workload['age_s'])} ago"
    )


def _cluster(pairing: Document, inventory: Document) -> str:
    cluster, read = inventory["cluster"], f"read {age(inventory['age_s'])} ago"
    if cluster is None:
        return f"no cluster {pairing['cluster']}, {read}"
    drs = cluster["drs_behavior"] if cluster["drs_enabled"] else "off"
    return (
        f"{pairing['cluster']} ({cluster['moid']}), hosts connected {cluster['connected']} of "
        f"{cluster['hosts']}, {cluster['in_maintenance']} in maintenance, DRS {drs}, "
        f"{_datastores(cluster['datastores'])}, {read}"
    )


def _around(inventory: Document) -> str:
    """What the inventory says of the vCenter itself."""
    sessions = inventory["sessions"]
    if sessions is None:
        told = "no privilege to see nova's sessions"
    else:
        idle = f", idle for {age(min(one['idle_s'] for one in sessions))}" if sessions else ""
        told = f"{counted(len(sessions), 'session')} of nova's account{idle}"
    ends = inventory["certificate_expires_at"]
    return f"{told}, " + ("no certificate" if ends is None else f"certificate until {ends[:10]}")


def _datastores(datastores: list[Document]) -> str:
    if not datastores:
        return "no datastore for nova"
    usable = [one for one in datastores if one["accessible"] and not one["in_maintenance"]]
    free = sum(one["free_bytes"] for one in usable) / _GIB
    return f"{len(usable)} of {len(datastores)} datastores usable with {free:.0f} GiB free"
