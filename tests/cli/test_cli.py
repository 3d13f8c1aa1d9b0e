"""The command line: commands, exit codes, and what goes to stdout and stderr."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import types
from pathlib import Path

import pytest

from config.sites import Site
from nova_watchdog import __version__, cli
from nova_watchdog.config import Settings
from nova_watchdog.config.schema import ControlTable


def run(*arguments: str | Path) -> int:
    """The exit code, usage errors included."""
    try:
        return cli.main([str(argument) for argument in arguments])
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1


def test_check_prints_what_was_understood(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Every pairing with unit, host, cluster, vCenter and bus; notes on stderr; no secret; exit code 0."""
    assert run("config", "check", "--config", site.toml) == 0
    out, err = capsys.readouterr()
    (row,) = [line.split() for line in out.splitlines() if line.startswith("cluster-b ")]
    assert row == [
        "cluster-b",
        "protect",
        "nova-compute@cluster-b.service",
        "vcenter-cluster-b",
        "cluster-b",
        "vc1.example.org:443/nova@vsphere.local",
        "rabbit://192.0.2.1:5672/nova",
    ]
    assert "vc1.example.org:443  nova@vsphere.local  not verified  cluster-a, cluster-b" in out
    assert "note: pairing.cluster-a: [vmware] insecure" in err
    assert "password" not in out + err


def test_check_says_how_the_certificate_is_verified(
    site: Site, ca_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By a CA file, by the system's, or not at all; and HTTP may be off."""
    site.edit("cluster-a.conf", {"insecure = true": f"ca_file = {ca_file}\nhost_port = 8443"})
    site.edit("cluster-b.conf", {"insecure = true": ""})
    site.append("nova-watchdog.toml", '[http]\nlisten = ""\n')
    assert run("config", "check", "--config", site.toml) == 0
    out, err = capsys.readouterr()
    assert f"verified by {ca_file}" in out
    assert "verified by the system's CAs" in out
    assert [line.split() for line in out.splitlines() if line.startswith("HTTP")] == [["HTTP", "off"]]
    assert err == ""


def test_check_tells_mistakes_on_stderr(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """One line each and their number, nothing on stdout, exit code 2."""
    site.edit("nova-watchdog.toml", {"protect": "protct", "@cluster-a.service": "@cluster-a"})
    assert run("config", "check", "--config", site.toml) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split(": ")[1] for line in err.splitlines()[:2]] == ["mode", "pairing.cluster-a.unit"]
    assert err.splitlines()[2:] == ["2 mistakes: the daemon would not start."]


def test_polkit_prints_a_script_with_exactly_the_units(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    """Comments and one assignment. nova's files are not needed for it."""
    (site.root / "nova.conf").unlink()
    assert run("config", "polkit", "--config", site.toml) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith("//") for line in lines[:-1])
    assert lines[-1] == (
        'var novaWatchdogUnits = ["nova-compute@cluster-a.service", "nova-compute@cluster-b.service"];'
    )


def test_polkit_prints_nothing_with_a_mistake(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """A rule made of half a configuration would grant half of what is needed, or too much."""
    site.edit("nova-watchdog.toml", {"@cluster-a.service": "@cluster-a"})
    assert run("config", "polkit", "--config", site.toml) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "pairing.cluster-a.unit" in err


def test_units_prints_what_the_deadline_kills(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """One unit a line below comments, of the pairings in mode protect alone. nova's files are not needed."""
    (site.root / "nova.conf").unlink()
    site.edit("nova-watchdog.toml", {"[pairing.cluster-b]": '[pairing.cluster-b]\nmode = "observe"'})
    assert run("config", "units", "--config", site.toml) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["nova-compute@cluster-a.service"]


def test_units_prints_nothing_with_a_mistake(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Half a list would leave the other half alive."""
    site.edit("nova-watchdog.toml", {"@cluster-a.service": "@cluster-a"})
    assert run("config", "units", "--config", site.toml) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "pairing.cluster-a.unit" in err


def test_keys_prints_the_reference(capsys: pytest.CaptureFixture[str]) -> None:
    """A table for each section, without any file."""
    assert run("config", "keys") == 0
    assert "| `restart_budget` | integer | `3` |" in capsys.readouterr().out


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings that a daemon was started with; it ends with exit code 1."""
    seen: list[Settings] = []
    app = types.ModuleType("nova_watchdog.app")

    def run_daemon(settings: Settings) -> int:
        seen.append(settings)
        return 1

    app.run = run_daemon  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "nova_watchdog.app", app)
    monkeypatch.setattr("nova_watchdog.app", app, raising=False)
    return seen


def test_run_hands_the_settings_to_the_daemon(site: Site, daemon: list[Settings]) -> None:
    """And returns its exit code."""
    assert run("run", "--config", site.toml) == 1
    assert daemon[0].controller == "ctl1"


def test_run_goes_on_without_a_pairing_whose_nova_files_are_broken(
    site: Site, daemon: list[Settings], capsys: pytest.CaptureFixture[str]
) -> None:
    """The check is strict, and says what the daemon would do."""
    site.edit("cluster-a.conf", {"[vmware]": "[vmware"})
    assert run("run", "--config", site.toml) == 1
    assert [one.name for one in daemon[0].unwatched] == ["cluster-a"]
    assert [one.pairing.name for one in daemon[0].pairings] == ["cluster-b"]
    assert run("config", "check", "--config", site.toml) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "cluster-a.conf: line 4: is a section without its closing bracket" in err
    assert err.splitlines()[-1] == "1 mistake: the daemon would not watch cluster-a."


def test_run_does_not_start_with_nothing_to_watch(
    site: Site, daemon: list[Settings], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake in what all pairings read is one of the configuration."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    site.append("nova.conf", "oops\n")
    assert run("run", "--config", site.toml) == 2
    assert daemon == []
    assert "nova.conf: line 5: is no assignment" in capsys.readouterr().err


@pytest.mark.parametrize("under_systemd", [True, False])
def test_run_with_a_mistake_ends_with_2(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, under_systemd: bool
) -> None:
    """At once for a person, after a pause for systemd, which starts it again."""
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    if under_systemd:
        monkeypatch.setenv("NOTIFY_SOCKET", "/run/none")
    site.edit("nova-watchdog.toml", {"protect": "protct"})
    assert run("run", "--config", site.toml) == 2
    assert 'mode: is "protct"' in capsys.readouterr().err
    assert slept == ([cli.MISTAKE_PAUSE_S] if under_systemd else [])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], (cli.DEFAULT_SOCKET, False, False)),
        (["--json"], (cli.DEFAULT_SOCKET, True, False)),
        (["--watch", "--socket", "/tmp/s"], (Path("/tmp/s"), False, True)),  # noqa: S108 - nothing is opened
    ],
)
def test_status_asks_the_socket(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], expected: tuple[Path, bool, bool]
) -> None:
    """The answer's exit code is the command's."""
    seen = []

    async def main(socket: Path, *, as_json: bool, watch: bool) -> int:
        await asyncio.sleep(0)
        seen.append((socket, as_json, watch))
        return 1

    monkeypatch.setattr("nova_watchdog.telemetry.status.main", main)
    assert run("status", *arguments) == 1
    assert seen == [expected]


def test_ctrl_c_is_a_clean_end(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback for a person who has seen enough."""

    def interrupt(_: Path) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("nova_watchdog.cli_config.check", interrupt)
    assert run("config", "check", "--config", site.toml) == 0


@pytest.mark.parametrize(
    "arguments", [[], ["walk"], ["config"], ["status", "--json", "--watch"], ["run", "--config"]]
)
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With the usage on stderr."""
    assert run(*arguments) == 2
    assert "usage: nova-watchdog" in capsys.readouterr().err


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """With the program's name."""
    assert run("--version") == 0
    assert capsys.readouterr().out == f"nova-watchdog {__version__}\n"


def test_the_help_tells_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    """0, 1 and 2, each with its meaning."""
    assert run("--help") == 0
    out = capsys.readouterr().out
    assert all(f"\n  {code}  " in out for code in (cli.EXIT_OK, cli.EXIT_FAILURE, cli.EXIT_USAGE))


def test_the_default_socket_is_the_daemons() -> None:
    """`status` does not read the configuration, so its default is written twice."""
    assert str(cli.DEFAULT_SOCKET) == ControlTable.model_fields["socket"].default


def test_the_module_is_the_command() -> None:
    """`python -m nova_watchdog` does the same, in a process of its own."""
    source = Path(cli.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "nova_watchdog", "--version"],
        cwd=source,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout == f"nova-watchdog {__version__}\n"
