"""Adopting writes what it showed, survives a crash, and is undone exactly."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace

import pytest

from cli.adopt_bench import (
    FOUND,
    ID,
    SHARING,
    UNIT,
    CrashingFiles,
    RememberingSystemd,
    controller,
    picture,
)
from nova_watchdog.adopt import execute, manifest
from nova_watchdog.adopt.machine import Files
from nova_watchdog.adopt.plan import plan
from nova_watchdog.cli_adopt import adopted, undone
from nova_watchdog.core.setup import MAY_START, Command
from nova_watchdog.ports import ActionRefusedError

_DROP_IN = f"etc/systemd/system/{UNIT}.d/nova-watchdog.conf"


@pytest.fixture
def root(tmp_path):
    return controller(tmp_path)


@pytest.fixture
def files(root):
    return Files(root)


@pytest.fixture
def systemd():
    return RememberingSystemd()


def _adopt(found, files, systemd):
    execute.apply(found.pairing, found.unit, plan(found, files.text).changes, files, systemd)


def test_adopting_writes_and_starts_nothing(root, files, systemd, capsys):
    """Each file is there, the unit is disabled, systemd reads its files again; no more."""
    assert adopted(FOUND, files, systemd, dry_run=False) == 0
    assert systemd.asked == [f"disable {UNIT}", "reload"]
    assert (root / "etc/nova/a/compute_id").read_text() == f"{ID}\n"
    assert (root / "etc/nova-watchdog/managed-units").read_text() == f"# units\nb.service\n{UNIT}\n"
    assert "ExecCondition=" in (root / _DROP_IN).read_text()
    kept = root / "var/lib/nova-watchdog-adopt/a.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    said = capsys.readouterr().out
    assert "+ExecCondition=+/usr/lib/nova-watchdog/may-start %n" in said
    assert "systemctl disable" in said
    assert "--undo" in said


def test_a_dry_run_changes_nothing(root, files, systemd, capsys):
    """It shows the same."""
    before = picture(root)
    assert adopted(FOUND, files, systemd, dry_run=True) == 0
    assert picture(root) == before
    assert not systemd.asked
    assert "may-start" in capsys.readouterr().out


def test_undoing_restores_exactly(root, files, systemd):
    """Text and mode of each file, and what was not there is gone."""
    before = picture(root)
    _adopt(FOUND, files, systemd)
    assert picture(root) != before
    assert undone("a", UNIT, files, systemd, dry_run=False) == 0
    after = picture(root)
    assert {path: after[path] for path in before} == before
    assert not [path for path in after.keys() - before.keys() if (root / path).is_file()]
    assert systemd.asked[2:] == [f"enable {UNIT}", "reload"]
    assert manifest.load(files, "a") == []


def test_undoing_removes_directories_that_are_empty(root, files, systemd, capsys):
    """What nova wrote into its own state path meanwhile stays, and is told."""
    _adopt(SHARING, files, systemd)
    (root / "var/lib/nova/a/instances/locks").mkdir()
    assert undone("a", UNIT, files, systemd, dry_run=False) == 1
    assert not (root / "etc/nova/nova-compute-a").exists()
    assert (root / "var/lib/nova/a/instances/locks").exists()
    assert "not empty" in capsys.readouterr().err
    (root / "var/lib/nova/a/instances/locks").rmdir()
    assert undone("a", UNIT, files, systemd, dry_run=False) == 0
    assert not (root / "var/lib/nova/a").exists()


@pytest.mark.parametrize("writes", range(7))
def test_a_crash_half_way_can_be_finished_and_undone(root, systemd, writes):
    """Wherever it ends, the same again does the rest, and undo finds what was there first."""
    before = picture(root)
    with pytest.raises(KeyboardInterrupt):
        _adopt(SHARING, CrashingFiles(root, writes), systemd)
    files = Files(root)
    _adopt(SHARING, files, systemd)
    assert not [
        change
        for change in plan(SHARING, files.text).changes
        if getattr(change, "path", "").startswith("/etc/sys")
    ]
    assert undone("a", UNIT, files, systemd, dry_run=False) == 0
    after = picture(root)
    assert {path: after[path] for path in before} == before


@pytest.mark.parametrize("writes", range(7))
def test_a_crash_half_way_can_be_undone_at_once(root, systemd, writes):
    """Also without finishing it."""
    before = picture(root)
    with pytest.raises(KeyboardInterrupt):
        _adopt(SHARING, CrashingFiles(root, writes), systemd)
    assert undone("a", UNIT, Files(root), systemd, dry_run=False) == 0
    after = picture(root)
    assert {path: after[path] for path in before} == before


def test_what_somebody_changed_since_is_left_and_told(root, files, systemd, capsys):
    """An edited drop-in is not thrown away; what is left can be undone later."""
    _adopt(FOUND, files, systemd)
    (root / _DROP_IN).write_text("[Service]\nRestart=always\n")
    assert undone("a", UNIT, files, systemd, dry_run=False) == 1
    assert "Restart=always" in (root / _DROP_IN).read_text()
    assert "changed by somebody" in capsys.readouterr().err
    (root / _DROP_IN).unlink()
    assert undone("a", UNIT, files, systemd, dry_run=False) == 0


def test_another_pairing_adopted_since_stays_listed(root, files, systemd):
    """The deadline's list is shared: only the own line goes."""
    (root / "etc/nova-watchdog/managed-units").unlink()
    _adopt(FOUND, files, systemd)
    list_file = root / "etc/nova-watchdog/managed-units"
    list_file.write_text(list_file.read_text() + "c.service\n")
    assert undone("a", UNIT, files, systemd, dry_run=False) == 0
    assert list_file.read_text().endswith("\nc.service\n")
    assert UNIT not in list_file.read_text()


def test_adopted_twice_the_first_state_is_what_undo_restores(root, files, systemd):
    """A second adopt after a change of the units does not overwrite what was there first."""
    polkit = root / "etc/polkit-1/rules.d/49-nova-watchdog-units.rules"
    _adopt(FOUND, files, systemd)
    _adopt(replace(FOUND, units=(UNIT, "z.service")), files, systemd)
    assert "z.service" in polkit.read_text()
    assert undone("a", UNIT, files, systemd, dry_run=False) == 0
    assert polkit.read_text() == "var old = [];\n"


def test_a_refusal_of_systemd_is_told_and_can_be_repeated(files, systemd):
    """What was written before stays, the manifest knows it."""
    systemd.fails = f"disable {UNIT}"
    with pytest.raises(ActionRefusedError):
        _adopt(FOUND, files, systemd)
    systemd.fails = ""
    _adopt(FOUND, files, systemd)
    assert [step["kind"] for step in manifest.load(files, "a")].count("disable") == 1


def test_a_run_that_ended_before_the_reload_is_finished(files, systemd):
    """Every file is there, and systemd does not know of the drop-in yet."""
    systemd.fails = "reload"
    with pytest.raises(ActionRefusedError):
        _adopt(FOUND, files, systemd)
    systemd.fails, systemd.asked = "", []
    places = tuple(replace(place, value=ID) for place in FOUND.nova.places[1:])
    setup = replace(FOUND.setup, enabled="disabled")
    again = replace(FOUND, nova=replace(FOUND.nova, places=places), setup=setup)
    assert adopted(again, files, systemd, dry_run=False) == 0
    assert systemd.asked == ["reload"]
    loaded = replace(setup, conditions=(Command((MAY_START, UNIT)),))
    assert adopted(replace(again, setup=loaded), files, systemd, dry_run=False) == 0
    assert systemd.asked == ["reload"]
    assert manifest.load(files, "a")


def test_a_refused_pairing_prints_reason_and_remedy(files, systemd, capsys):
    """Exit code 1, nothing asked of systemd."""
    assert adopted(replace(FOUND, shares=False), files, systemd, dry_run=False) == 1
    assert "remedy: configure [etcd]" in capsys.readouterr().err
    assert not systemd.asked


def test_nothing_adopted_is_nothing_to_undo(files, systemd, capsys):
    """Exit code 0, and said."""
    assert undone("a", UNIT, files, systemd, dry_run=False) == 0
    assert "nothing to undo" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text", ["{", "[]", json.dumps({"format": 9}), json.dumps({"format": 1, "steps": [1]})]
)
def test_a_damaged_manifest_stops_it(root, files, systemd, text):
    """Who does not know what was there first changes nothing."""
    (root / "var/lib/nova-watchdog-adopt").mkdir()
    (root / "var/lib/nova-watchdog-adopt/a.json").write_text(text)
    with pytest.raises(manifest.ManifestError):
        _adopt(FOUND, files, systemd)
    assert not (root / _DROP_IN).exists()


def test_a_link_in_nova_s_directory_is_not_followed(root, files, systemd):
    """The state path belongs to nova: a link there must not lead root elsewhere."""
    victim = root / "etc/passwd"
    victim.write_text("root\n")
    (root / "etc/nova/a/compute_id").symlink_to(victim)
    _adopt(FOUND, files, systemd)
    assert victim.read_text() == "root\n"
    assert not (root / "etc/nova/a/compute_id").is_symlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes owners")
def test_new_files_of_nova_s_get_the_owner_of_their_directory(root, files, systemd):
    """nova must be able to read them, and to replace them."""
    os.chown(root / "etc/nova/a", 0, 4242)
    _adopt(FOUND, files, systemd)
    info = (root / "etc/nova/a/compute_id").stat()
    assert (info.st_uid, info.st_gid) == (0, 4242)
    os.chown(root / "etc/nova-watchdog/managed-units", 4242, 4242)
    _adopt(FOUND, files, systemd)
    assert (root / "etc/nova-watchdog/managed-units").stat().st_uid == 4242
