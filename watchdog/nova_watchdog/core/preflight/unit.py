"""The unit: whether a hold can start it, and the deadline can kill it."""

from __future__ import annotations

from collections.abc import Iterator

from nova_watchdog.core.model import LoadState, Observed, Pairing, Unknown
from nova_watchdog.core.preflight.check import Check, Result
from nova_watchdog.core.setup import MAY_START, NovaSetup, UnitSetup

# `generated`: from a script in /etc/init.d.
AT_BOOT = frozenset({"enabled", "enabled-runtime", "generated"})


def unit_checks(pairing: Pairing, observed: Observed[UnitSetup], nova: NovaSetup | None) -> Iterator[Check]:
    """The checks of the unit. Where systemd does not tell, that is the only one."""
    if isinstance(observed, Unknown):
        text = f"how {pairing.unit} is set up is not known: {observed.reason}"
        yield Check("unit", Result.UNKNOWN, text, "systemctl status; is systemd's bus reached?")
        return
    unit = observed.value
    yield _loaded(pairing, unit)
    if unit.load is not LoadState.LOADED:
        return
    adopt = f"as root on this controller: nova-watchdog adopt {pairing.name}"
    yield _container(pairing, unit)
    yield _of(
        "hold-condition",
        unit.asks_may_start(pairing.unit),
        f"{MAY_START} is asked before each start",
        f"nothing asks {MAY_START} {pairing.unit} before a start: it would start without a hold",
        adopt,
    )
    yield _of(
        "restart",
        unit.restart == "no",
        "systemd does not restart it by itself",
        f"Restart={unit.restart}: systemd would start it behind the holder's back",
        adopt,
    )
    yield _listed(pairing, unit, adopt)
    yield _cgroup(pairing, unit, adopt)
    yield from _config_files(pairing, unit, nova)
    yield _boot(pairing, unit)
    yield _type(unit)


def _loaded(pairing: Pairing, unit: UnitSetup) -> Check:
    return _of(
        "unit",
        unit.load is LoadState.LOADED,
        f"loaded from {unit.fragment}",
        f"systemd says that {pairing.unit} is {unit.load.value}",
        f"install {pairing.unit} here as on the holder, then nova-watchdog adopt {pairing.name}",
    )


def _container(pairing: Pairing, unit: UnitSetup) -> Check:
    return _of(
        "container",
        not unit.container,
        "it runs nova-compute itself",
        f"{pairing.unit} starts {unit.container}: killing the unit kills this client alone, not nova-compute",
        'set mode = "observe" for this pairing, or run nova-compute in the unit\'s own cgroup',
    )


def _listed(pairing: Pairing, unit: UnitSetup, adopt: str) -> Check:
    if unit.listed is None:
        text = "/etc/nova-watchdog/managed-units cannot be read"
        return Check("managed-units", Result.UNKNOWN, text, adopt)
    return _of(
        "managed-units",
        unit.listed,
        "the deadline kills it",
        f"{pairing.unit} is not in /etc/nova-watchdog/managed-units: the deadline would not kill it",
        adopt,
    )


def _cgroup(pairing: Pairing, unit: UnitSetup, adopt: str) -> Check:
    if not unit.kills_all:
        text = f"KillMode={unit.kill_mode}, SendSIGKILL={'yes' if unit.sends_sigkill else 'no'}"
        return Check("cgroup", Result.FAIL, f"{text}: processes would outlive a stop", adopt)
    if unit.strays:
        text = f"nova-compute of this pairing runs outside of {pairing.unit}: {', '.join(unit.strays)}"
        return Check("cgroup", Result.FAIL, text, "end these processes; only systemd may start nova-compute")
    process = unit.process
    if process is None:
        return Check("cgroup", Result.PASS, "a stop leaves nothing behind; nothing runs here")
    if not process.cgroup:
        text = f"in which cgroup process {process.pid} is cannot be seen"
        return Check("cgroup", Result.UNKNOWN, text, "let the daemon's user see /proc (mount option hidepid)")
    return _of(
        "cgroup",
        is_within(process.cgroup, unit.control_group),
        f"process {process.pid} is in {unit.control_group}",
        f"process {process.pid} is in {process.cgroup}, not in the unit's {unit.control_group}",
        "start nova-compute without sudo, su or another session of its own",
    )


def is_within(cgroup: str, control_group: str) -> bool:
    """Whether a process is in that group or below it. The kernel may show a container's path before it."""
    return bool(control_group) and f"{control_group}/" in f"{cgroup}/"


def _config_files(pairing: Pairing, unit: UnitSetup, nova: NovaSetup | None) -> Iterator[Check]:
    if nova is None:
        return
    said, watched = unit.config_files, nova.config_files
    if not said:
        text = "which files nova-compute reads is not told by the unit's command line"
        remedy = "give it --config-file arguments, or see that nova_config names exactly what it reads"
        yield Check("config-files", Result.WARN, text, remedy, hard=False)
        return
    yield _of(
        "config-files",
        said == watched,
        f"it reads {', '.join(watched)}",
        f"{pairing.unit} reads {', '.join(said)}, the pairing's nova_config says {', '.join(watched)}",
        "make nova_config name the unit's --config-file arguments, in their order; then reload the daemon",
    )


def _boot(pairing: Pairing, unit: UnitSetup) -> Check:
    at_boot = unit.enabled in AT_BOOT
    return Check(
        "boot",
        Result.WARN if at_boot else Result.PASS,
        f"systemd starts it at boot ({unit.enabled})" if at_boot else "nothing starts it at boot",
        f"systemctl disable {pairing.unit}; its condition refuses the start at boot until then" * at_boot,
        hard=False,
    )


def _type(unit: UnitSetup) -> Check:
    notifies = unit.service_type.startswith("notify")
    text = "Type=notify: nova-compute with native threads never sends READY=1, its start ends after 90 s"
    return Check(
        "type",
        Result.WARN if notifies else Result.PASS,
        text if notifies else f"Type={unit.service_type}",
        "Type=simple or exec in the unit, unless nova runs on eventlet" * notifies,
        hard=False,
    )


def _of(name: str, is_so: bool, good: str, bad: str, remedy: str) -> Check:  # noqa: FBT001 - one line a check
    return Check(name, Result.PASS, good) if is_so else Check(name, Result.FAIL, bad, remedy)
