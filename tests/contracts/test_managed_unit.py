"""How a unit is set up: systemd's properties, and the files around it."""

from __future__ import annotations

import asyncio
import threading

import pytest
from dbus_fast import Variant

from contracts.stand_ins.systemd_bus import UNIT, SystemdStandIn
from nova_watchdog.adapters import _unit_files, managed_unit
from nova_watchdog.adapters.clock import SystemClock
from nova_watchdog.adapters.managed_unit import FileReader, SystemdManagedUnits
from nova_watchdog.core.model import LoadState
from nova_watchdog.core.setup import MAY_START, Command, Process
from nova_watchdog.ports import ProbeError

_FILES = ("/etc/nova/nova.conf", "/etc/nova/a.conf")
_ARGV = ("/opt/nova/bin/nova-compute", "--config-file", _FILES[0], f"--config-file={_FILES[1]}")
_GROUP = "/system.slice/nova-compute@a.service"
_TIMES = (0, 0, 0, 0, 0, 0, 0)


def _commands(*commands):
    return Variant("a(sasasttttuii)", [[argv[0], list(argv), flags, *_TIMES] for argv, flags in commands])


def _process(root, pid, argv, cgroup):
    directory = root / "proc" / str(pid)
    directory.mkdir(parents=True)
    (directory / "cmdline").write_bytes(b"".join(word.encode() + b"\0" for word in argv))
    (directory / "cgroup").write_text(cgroup)


@pytest.fixture
def root(tmp_path):
    """A controller on which everything is installed, and one nova-compute runs."""
    root = tmp_path / "root"
    for name in ("may-start", "deadline"):
        (root / "usr/lib/nova-watchdog").mkdir(parents=True, exist_ok=True)
        (root / "usr/lib/nova-watchdog" / name).touch()
    (root / "etc/systemd/system").mkdir(parents=True)
    for name in ("nova-watchdog-deadline@.timer", "nova-watchdog-deadline.service"):
        (root / "etc/systemd/system" / name).touch()
    (root / "etc/nova-watchdog").mkdir()
    (root / "etc/nova-watchdog/managed-units").write_text(f"# units\n\n {UNIT} \nb.service\n")
    (root / "opt/nova/lib/python3.11/site-packages/nova-34.0.0.dist-info").mkdir(parents=True)
    _process(root, 7, ("/opt/nova/bin/python", *_ARGV), f"0::{_GROUP}\n")
    _process(root, 8, ("/bin/sh", "-c", "nova-compute"), "0::/user.slice\n")
    return root


@pytest.fixture
async def stand_in(broker):
    made = SystemdStandIn()
    made.properties |= {
        "FragmentPath": Variant("s", "/etc/systemd/system/nova-compute@.service"),
        "DropInPaths": Variant("as", ["/etc/systemd/system/x.d/nova-watchdog.conf"]),
        "Type": Variant("s", "simple"),
        "ExecStartEx": _commands((_ARGV, [])),
        "ExecConditionEx": _commands(((MAY_START, UNIT), ["privileged"])),
        "Restart": Variant("s", "no"),
        "KillMode": Variant("s", "control-group"),
        "SendSIGKILL": Variant("b", True),  # noqa: FBT003 - D-Bus's own
        "UnitFileState": Variant("s", "disabled"),
        "User": Variant("s", "nova"),
        "Group": Variant("s", ""),
        "ControlGroup": Variant("s", _GROUP),
        "MainPID": Variant("u", 7),
    }
    await made.appear(broker.address)
    yield made
    made.vanish()


@pytest.fixture
async def units(broker, stand_in, root):  # noqa: ARG001 - the stand-in is there first
    made = SystemdManagedUnits(SystemClock(), broker.address, root)
    await made.connect()
    yield made
    await made.close()


@pytest.mark.real
async def test_everything_is_read_at_once(units):
    """Unit, condition with its flags, process, list, installed files, nova's version."""
    found = await units.read(UNIT)
    assert found.load is LoadState.LOADED
    assert found.start == (Command(_ARGV),)
    assert found.conditions == (Command((MAY_START, UNIT), frozenset({"privileged"})),)
    assert found.asks_may_start(UNIT)
    assert found.process == Process(7, ("/opt/nova/bin/python", *_ARGV), _GROUP)
    assert found.config_files == _FILES
    assert (found.listed, found.missing, found.strays) == (True, (), ())
    assert found.nova_version == "34.0.0"


@pytest.mark.real
async def test_a_nova_compute_beside_the_unit_is_seen(units, root):
    """The same files in another cgroup; one with other files is another pairing's."""
    _process(root, 9, ("python3", *_ARGV), "0::/user.slice/user-0.slice/session-1.scope\n")
    _process(root, 10, ("python3", *_ARGV[:3]), "0::/user.slice\n")
    (stray,) = (await units.read(UNIT)).strays
    assert "process 9" in stray
    assert "session-1.scope" in stray


@pytest.mark.real
async def test_what_is_missing_is_named(units, root):
    """Not installed, not listed, gone."""
    (root / "usr/lib/nova-watchdog/deadline").unlink()
    (root / "etc/systemd/system/nova-watchdog-deadline@.timer").unlink()
    (root / "etc/nova-watchdog/managed-units").unlink()
    found = await units.read(UNIT)
    assert found.missing == ("/usr/lib/nova-watchdog/deadline", "nova-watchdog-deadline@.timer")
    assert found.listed is False


@pytest.mark.real
async def test_a_list_that_cannot_be_read_is_unknown(units, root):
    """And not "not listed"."""
    (root / "etc/nova-watchdog/managed-units").write_bytes(b"\xff\xfe")
    assert (await units.read(UNIT)).listed is None


@pytest.mark.real
async def test_what_is_no_service_is_a_failed_probe(units, stand_in):
    """A timer has no commands."""
    del stand_in.properties["ExecStartEx"]
    with pytest.raises(ProbeError, match="ExecStartEx"):
        await units.read(UNIT)


@pytest.mark.real
async def test_an_alias_is_refused(units, stand_in):
    """A token is for the unit's own name."""
    stand_in.properties["Id"] = Variant("s", "openstack-nova-compute.service")
    with pytest.raises(ProbeError, match="alias of openstack"):
        await units.read(UNIT)


@pytest.mark.real
async def test_refused_silent_or_gone_is_a_failed_probe(units, stand_in, monkeypatch):
    """Whatever the bus does."""
    stand_in.errors["GetAll"] = "org.freedesktop.DBus.Error.AccessDenied"
    with pytest.raises(ProbeError, match="AccessDenied"):
        await units.read(UNIT)
    stand_in.errors.clear()
    monkeypatch.setattr(managed_unit, "_CALL_TIMEOUT_S", 0.2)
    stand_in.silent.add("GetAll")
    with pytest.raises(ProbeError, match="no answer"):
        await units.read(UNIT)
    stand_in.vanish()
    with pytest.raises(ProbeError):
        await units.read(UNIT)


def test_the_cgroup_of_both_hierarchies(tmp_path):
    """cgroup 2 alone, and systemd's named one beside the controllers of cgroup 1."""
    _process(tmp_path, 1, ("x",), "0::/a\n")
    _process(tmp_path, 2, ("x",), "3:memory:/m\n1:name=systemd:/b\n0::/\n")
    assert _unit_files.process_of(tmp_path, 1) == Process(1, ("x",), "/a")
    assert _unit_files.process_of(tmp_path, 2) == Process(2, ("x",), "/b")
    assert _unit_files.process_of(tmp_path, 3) is None


@pytest.mark.parametrize(
    ("place", "program", "version"),
    [
        ("usr/lib/python3/dist-packages/nova-27.1.0.dist-info", "/usr/bin/nova-compute", "27.1.0"),
        ("usr/lib/python3/dist-packages/nova-27.1.0.egg-info", "/usr/bin/nova-compute", "27.1.0"),
        ("usr/lib/python3.9/site-packages/nova-29.0.0-py3.9.egg-info", "/usr/bin/nova-compute", "29.0.0"),
        ("usr/lib/python3/dist-packages/novaclient-1.dist-info", "/usr/bin/nova-compute", ""),
        ("x", "nova-compute", ""),
    ],
)
def test_nova_s_version_is_its_package_s_name(tmp_path, place, program, version):
    """A wheel in an environment, Debian's, RDO's; nothing is run for it."""
    (tmp_path / place).mkdir(parents=True)
    assert _unit_files.nova_version(tmp_path, program) == version


async def test_files_that_hang_are_a_failed_probe(monkeypatch):
    """In a thread of their own: nothing else waits for them."""
    monkeypatch.setattr(managed_unit, "_FILES_TIMEOUT_S", 0.05)
    hang = threading.Event()
    reader = FileReader("test", hang.wait)
    with pytest.raises(ProbeError, match="hangs"):
        await reader()
    with pytest.raises(ProbeError, match="hangs"):
        await reader()
    hang.set()
    await asyncio.sleep(0.05)
    assert await reader()
    reader.close()


@pytest.mark.lab
async def test_a_real_systemd_tells_all_of_it(controller):
    """The names and types of the properties are those that it has."""
    units = SystemdManagedUnits(SystemClock(), controller.bus_address)
    await units.connect()
    try:
        found = await units.read("nova-compute@cluster-a.service")
        nothing = await units.read("nothing-of-that-name.service")
    finally:
        await units.close()
    assert found.load is LoadState.LOADED
    assert found.start[0].config_files
    assert found.kills_all
    assert nothing.load is LoadState.NOT_FOUND
