"""`history` and `explain` against a daemon's control socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.served import run, served
from telemetry.asked import RecordingControl


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """The control socket of a daemon that shows two healthy pairings."""
    with served(tmp_path / "control.sock", RecordingControl()):
        yield tmp_path / "control.sock"


def test_history_prints_what_changed(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of all pairings, or of one; newest last."""
    assert run("history", "--socket", path) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.count("healthy, watching (R90)\n  why       all is well\n") == 2
    assert run("history", "cluster-b", "--limit", "1", "--socket", path) == 0
    assert capsys.readouterr().out.startswith("2026-01-02T03:04:15Z  cluster-b  healthy, watching (R90)\n")


def test_explain_prints_every_row(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the marks on those that decide."""
    assert run("explain", "cluster-a", "--socket", path) == 0
    out = capsys.readouterr().out
    assert "  > D90 healthy" in out
    assert "  > R90 nothing" in out
    assert "    D10 process-down            unit is up, row wants down\n" in out


def test_json_is_the_document(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whole and parseable."""
    assert run("explain", "cluster-a", "--json", "--socket", path) == 0
    assert json.loads(capsys.readouterr().out)["pairing"]["name"] == "cluster-a"
    assert run("history", "--json", "--limit", "3", "--socket", path) == 0
    assert len(json.loads(capsys.readouterr().out)["transitions"]) == 3


@pytest.mark.parametrize("command", ["explain", "history"])
@pytest.mark.parametrize("name", ["cluster-z", "a/b?c#d"])
def test_an_unknown_pairing_ends_with_2(
    path: Path, capsys: pytest.CaptureFixture[str], command: str, name: str
) -> None:
    """One line that names those that there are, whatever was typed."""
    assert run(command, name, "--socket", path) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"nova-watchdog: no pairing is called '{name}'; allowed: cluster-a, cluster-b\n"


@pytest.mark.parametrize(
    "arguments", [["explain", "a"], ["history"], ["resume", "a"], ["pause", "a", "--reason=x", "--for=1h"]]
)
def test_without_a_daemon_it_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """Every command that asks says so in the same way."""
    assert run(*arguments, "--socket", tmp_path / "none") == 2
    assert capsys.readouterr().err.startswith(f"nova-watchdog: no daemon answers at {tmp_path}/none (No such")


@pytest.mark.parametrize("limit", ["0", "-1", "x", "10001", "\u0663"])
def test_a_limit_that_is_none_is_wrong_usage(capsys: pytest.CaptureFixture[str], limit: str) -> None:
    """Told before anybody is asked."""
    assert run("history", f"--limit={limit}") == 2
    assert "1 to 10000" in capsys.readouterr().err
