from __future__ import annotations

import re
from pathlib import Path

import pytest

from alerts.scenes import ALERTS, alert_rules
from nova_watchdog.runtime.telling import EVENT_NAMES

RUNBOOKS = Path(__file__).parents[2] / "docs" / "runbooks"
SECTIONS = ["## Meaning", "## Impact", "## What the watchdog does", "## Diagnosis", "## Remedy"]
NAMES = sorted({*alert_rules(), *EVENT_NAMES})
COMMANDS = {"status", "explain", "history", "check", "pause", "resume", "config"}
COMMANDS |= {"failover", "preflight", "adopt"}
_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\]\(([^)]+)\)")


def runbook(name: str) -> str:
    return (RUNBOOKS / f"{name}.md").read_text()


def section(name: str, heading: str) -> str:
    found = runbook(name).partition(f"{heading}\n")[2]
    return found.partition("\n## ")[0]


def test_every_alert_and_every_event_has_a_runbook_and_none_is_left_over() -> None:
    """The list of them names all."""
    assert {path.stem for path in RUNBOOKS.iterdir()} == {*NAMES, "README"}
    listed = runbook("README")
    assert [name for name in NAMES if f"[{name}]({name}.md)" not in listed] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_runbook_answers_every_question(name: str) -> None:
    """In the same order, none of them empty; the diagnosis and the remedy are steps."""
    text = runbook(name)
    assert text.startswith(f"# {name}\n")
    assert [line for line in text.splitlines() if line.startswith("## ")] == SECTIONS
    assert all(section(name, heading).strip() for heading in SECTIONS)
    assert re.search(r"^1\. ", section(name, "## Diagnosis"), re.MULTILINE)
    assert re.search(r"^1\. ", section(name, "## Remedy"), re.MULTILINE)


@pytest.mark.parametrize("name", NAMES)
def test_a_diagnosis_is_made_by_commands(name: str) -> None:
    """At least one command stands in it."""
    told = [code for code in _CODE.findall(section(name, "## Diagnosis")) if " " in code]
    assert told, section(name, "## Diagnosis")


@pytest.mark.parametrize("name", [*NAMES, "README"])
def test_links_lead_to_pages_that_exist(name: str) -> None:
    """Between the runbooks; there are no others."""
    assert [link for link in _LINK.findall(runbook(name)) if not (RUNBOOKS / link).exists()] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_daemons_commands_that_it_names_exist(name: str) -> None:
    """`nova-watchdog explain PAIRING`, and no command that somebody only wished for."""
    called = [code.split()[1] for code in _CODE.findall(runbook(name)) if code.startswith("nova-watchdog ")]
    assert set(called) <= COMMANDS


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_each_of_these_commands_is_known_to_the_command_line(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has a help text of its own."""
    from nova_watchdog.cli import main

    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert "usage: nova-watchdog" in capsys.readouterr().out


def test_commands_in_the_alerts_own_texts_exist_too() -> None:
    """The descriptions name some."""
    told = " ".join(rule["annotations"]["description"] for rule in alert_rules().values())
    assert set(re.findall(r"'nova-watchdog (\w+)", told)) <= COMMANDS
    assert f"{ALERTS.name}/" in runbook("README")
