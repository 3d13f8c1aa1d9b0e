"""`nova-watchdog adopt --dry-run` from its configuration to its answer, with a stand-in for systemd."""

from __future__ import annotations

import asyncio

import pytest
from dbus_fast import Variant

from config.sites import NOVA_CONF, PAIRING_CONF, TOML
from contracts.stand_ins.systemd_bus import UNIT, SystemdStandIn
from nova_watchdog import cli

pytestmark = pytest.mark.real

_TIMES = (0, 0, 0, 0, 0, 0, 0)


@pytest.fixture
def site(tmp_path):
    """Two pairings with shared files, and the etcd that they need."""
    (tmp_path / "nova.conf").write_text(NOVA_CONF)
    for name in ("cluster-a", "cluster-b"):
        (tmp_path / f"{name}.conf").write_text(PAIRING_CONF.format(name=name))
    (tmp_path / "clouds.yaml").write_text("clouds: {lab: {auth: {auth_url: http://k}}}\n")
    etcd = '\n[etcd]\nendpoints = ["http://192.0.2.1:2379"]\n'
    (tmp_path / "nova-watchdog.toml").write_text(TOML.format(root=tmp_path) + etcd)
    return tmp_path


@pytest.fixture
async def stand_in(broker, site, monkeypatch):
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", broker.address)
    made = SystemdStandIn()
    argv = [
        "/usr/bin/nova-compute",
        f"--config-file={site}/nova.conf",
        f"--config-file={site}/cluster-a.conf",
    ]
    made.properties |= {
        "FragmentPath": Variant("s", f"/etc/systemd/system/{UNIT}"),
        "DropInPaths": Variant("as", []),
        "Type": Variant("s", "simple"),
        "ExecStartEx": Variant("a(sasasttttuii)", [[argv[0], argv, [], *_TIMES]]),
        "ExecConditionEx": Variant("a(sasasttttuii)", []),
        "Restart": Variant("s", "on-failure"),
        "KillMode": Variant("s", "control-group"),
        "SendSIGKILL": Variant("b", True),  # noqa: FBT003 - D-Bus's own
        "UnitFileState": Variant("s", "enabled"),
        "User": Variant("s", "nova"),
        "Group": Variant("s", ""),
        "ControlGroup": Variant("s", ""),
    }
    await made.appear(broker.address)
    yield made
    made.vanish()


async def _adopt(site, *arguments):
    line = ["adopt", "cluster-a", "--dry-run", "--config", str(site / "nova-watchdog.toml"), *arguments]
    return await asyncio.to_thread(cli.main, line)


async def test_what_speaks_against_it_is_told_all_at_once(site, stand_in, capsys):
    """This machine has neither the files of the deadline nor a compute_id."""
    assert await _adopt(site) == 1
    said = capsys.readouterr().err
    assert "not adopted: not installed: /usr/lib/nova-watchdog/may-start" in said
    assert "not adopted: there is no file compute_id in " in said
    assert said.count("remedy: ") == 2
    assert {call[0] for call in stand_in.calls} <= {"GetAll", "Ping"}


async def test_a_unit_in_a_container_is_refused(site, stand_in, capsys):
    """With the reason."""
    argv = ["/usr/bin/docker", "start", "-a", "nova_compute"]
    stand_in.properties["ExecStartEx"] = Variant("a(sasasttttuii)", [[argv[0], argv, [], *_TIMES]])
    assert await _adopt(site) == 1
    assert "starts docker: killing the unit kills this client alone" in capsys.readouterr().err


async def test_what_may_be_held_is_not_undone(site, stand_in, capsys):
    """In mode protect: the deadline would not kill it any more, and a standby would start a second one."""
    toml = site / "nova-watchdog.toml"
    assert await _adopt(site, "--undo") == 1
    assert "not undone: pairing cluster-a is in mode protect" in capsys.readouterr().err
    toml.write_text(toml.read_text().replace('mode = "protect"', 'mode = "observe"'))
    assert await _adopt(site, "--undo") == 0
    assert "there is nothing to undo" in capsys.readouterr().out
    assert not stand_in.calls


async def test_a_silent_systemd_is_no_plan(site, stand_in, capsys):
    """It cannot be known what would be changed."""
    stand_in.errors["GetAll"] = "org.freedesktop.DBus.Error.AccessDenied"
    assert await _adopt(site) == 1
    assert "cannot be read" in capsys.readouterr().err


async def test_a_pairing_that_is_not_there_and_one_without_files(site, stand_in, capsys):
    """Usage, and the mistakes of its files."""
    line = ["adopt", "cluster-x", "--dry-run", "--config", str(site / "nova-watchdog.toml")]
    assert await asyncio.to_thread(cli.main, line) == 2
    assert "allowed: cluster-a, cluster-b" in capsys.readouterr().err
    (site / "cluster-a.conf").unlink()
    assert await _adopt(site) == 1
    assert "cluster-a.conf does not exist" in capsys.readouterr().err
    assert stand_in
