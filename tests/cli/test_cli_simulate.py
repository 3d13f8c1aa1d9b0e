"""`simulate`: faults in words, random long runs, one's own configuration, exit codes."""

from __future__ import annotations

import io
import json
import logging
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli import served
from config.sites import Site
from nova_watchdog import cli, cli_simulate
from nova_watchdog.core.hold.timing import Timing
from nova_watchdog.simulation.invariants import Violation
from nova_watchdog.simulation.run import Outcome, simulate
from nova_watchdog.simulation.scenario import MEANINGS, Fault, Kind, Scenario, parse_fault

QUICK = ("--controllers", "2", "--pairings", "1")


def run(*arguments: str | Path) -> int:
    """The exit code, usage errors included."""
    return served.run("simulate", *arguments)


def as_json(capsys: pytest.CaptureFixture[str]) -> Mapping[str, Any]:
    """What was printed."""
    found: Mapping[str, Any] = json.loads(capsys.readouterr().out)
    return found


def rows(text: str, pairing: str) -> list[list[str]]:
    """The rows of the timeline about one pairing: when, where, rule and what, or when, where and what."""
    found = [line.split(None, 3) for line in text.split("\n\n", maxsplit=1)[0].splitlines()]
    return [
        [at, where, rest]
        for at, where, name, rest in (one for one in found if len(one) == 4)
        if name == pairing
    ]


def test_a_fault_in_words_prints_what_would_be_done(capsys: pytest.CaptureFixture[str]) -> None:
    """When, where, to what, by which rule and why; and nothing on stderr."""
    assert run(*QUICK, "--fault", "crash cluster-1 at 30s") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.splitlines()[0].split() == ["TIME", "WHERE", "PAIRING", "RULE", "WHAT"]
    told = [rest for at, where, rest in rows(out, "cluster-1") if at >= "00:00:30" and where == "ctl1"]
    assert told[0] == "nova-compute is dead"
    assert "R39   process-down: the process is down and vCenter answers: start it" in told
    assert "R39   start: done" in told
    assert told[-1] == "R90   healthy: all is well"
    assert "fault: crash cluster-1 at 30s" in out


def test_the_summary_answers_what_is_asked_first(capsys: pytest.CaptureFixture[str]) -> None:
    """Served twice, without a process for how long, by which rules, and when all was well again."""
    assert run(*QUICK, "--fault", "kill ctl1 at 30s for 2m") == 0
    lines = capsys.readouterr().out.split("\n\n")[1].splitlines()
    summary = {line[:17].strip(): line[17:].strip() for line in lines if line[:17].strip()}
    assert summary["served twice"] == "never"
    assert summary["without a process"].startswith("cluster-1: 1")
    assert "from 00:00:30.000 to 00:00:4" in summary["without a process"]
    assert "1x  H52 take-over done  its holder has not renewed" in "\n".join(lines)
    assert summary["forbidden"] == "nothing"
    assert summary["all well"].endswith("s after the last fault")
    assert summary["times"] == "renewal every 3 s, deadline 15 s, takeover after 17.93 s"


def test_without_a_fault_it_shows_how_a_cloud_begins(capsys: pytest.CaptureFixture[str]) -> None:
    """Each pairing gets its first holder."""
    assert run("--pairings", "3") == 0
    out = capsys.readouterr().out
    assert out.count("claim: done") == 3
    assert "yes, " in out


def test_the_same_command_prints_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """And another seed of the latencies something else."""
    words = (*QUICK, "--fault", "kill ctl1 at 30s for 1m")
    printed = []
    for seed in ("5", "5", "6"):
        run(*words, "--seed", seed)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] != printed[2]


def test_a_rogue_is_told_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """It runs beside ours, which nobody can prevent: no violation, but not never either."""
    words = (*QUICK, "--fault", "rogue cluster-1 at 30s for 20s")
    assert run(*words) == 0
    out = capsys.readouterr().out
    told = [(at, rest) for at, where, rest in rows(out, "cluster-1") if where == "rogue1"]
    assert told == [
        ("00:00:30.000", "a rogue begins: a nova-compute that no watchdog runs"),
        ("00:00:50.000", "the rogue is dead"),
    ]
    assert (
        "served twice       for 20.000 s, beside a process that no watchdog runs (rogue): not prevented, see"
        " docs/safety.md\n"
    ) in out
    assert run(*words, "--json") == 0
    assert as_json(capsys)["beside_a_rogue_seconds"] == 20.0


def test_what_a_daemon_alone_does_not_do_is_told(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Wherever a line of holding is shown; and that nothing is done where nothing is protected."""
    assert run("--pairings", "1") == 0
    note = "moving (H..) and the deadline need [etcd]: a daemon without it does neither"
    assert capsys.readouterr().out.splitlines()[-1].split(None, 1) == ["note", note]
    site.edit("nova-watchdog.toml", {'mode = "protect"\n': 'mode = "observe"\n'})
    assert run("--config", site.toml) == 0
    assert (
        "\nall well           nothing is in mode protect: nothing would be done\n" in capsys.readouterr().out
    )


def test_a_configuration_with_etcd_needs_no_note(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Its daemon does what is shown."""
    for shares in (False, True):
        assert run("--config", site.toml) == 0
        out = capsys.readouterr().out
        assert "H20" in out
        assert ("\nnote " in out) is not shares
        site.append("nova-watchdog.toml", '[etcd]\nendpoints = ["http://192.0.2.1:2379"]\n')


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("at 30s value 20", "the store stays as it is: the cloud has just begun, there is no backup yet"),
        ("at 2m value 20", "the store is as it was at 00:01:40.000"),
        ("at 2m value 500", "the store is as it was at 00:01:00.000, its oldest backup"),
    ],
)
def test_a_restored_store_says_what_it_is_now(
    capsys: pytest.CaptureFixture[str], fault: str, told: str
) -> None:
    """There may be no backup, or none so old."""
    run(*QUICK, "--fault", f"store-restored {fault}", "--for", "3m")
    assert any(
        line.split("  ")[1:2] == ["cloud"] and line.endswith(f" {told}")
        for line in capsys.readouterr().out.splitlines()
    )


def test_for_plays_exactly_so_long(capsys: pytest.CaptureFixture[str]) -> None:
    """It does not end early, and what is not well by then is not well."""
    words = (*QUICK, "--fault", "kill ctl1 at 30s for 1m")
    assert run(*words, "--for", "4m", "--json") == 0
    assert as_json(capsys)["simulated_seconds"] == 240
    assert (
        run(
            *QUICK,
            "--fault",
            "vcenter-down at 30s for 1m",
            "--fault",
            "crash cluster-1 at 40s",
            "--for",
            "91s",
        )
        == 1
    )
    out = capsys.readouterr().out
    assert "all well           no\n" in out
    assert "cluster-1: ctl1: mine H13 " in out


def test_json_has_the_summary_and_the_timeline(capsys: pytest.CaptureFixture[str]) -> None:
    """The keys that programs rely on."""
    assert run(*QUICK, "--fault", "crash cluster-1 at 30s", "--json") == 0
    found = as_json(capsys)
    assert {
        "scenario",
        "ok",
        "violations",
        "overlaps",
        "bounded_overlaps",
        "bounded_overlap_longest_s",
        "unheld_process_seconds",
        "actions",
        "availability",
        "without_a_process_seconds",
        "simulated_seconds",
        "well_after_s",
        "waiting",
        "needs_human",
        "timeline",
    } <= set(found)
    assert found["actions"]["R39 start done"] == 1
    assert found["scenario"]["faults"] == ["crash cluster-1 at 30s"]
    assert 0 < found["without_a_process_seconds"]["cluster-1"] < 1
    start = {"where": "ctl1", "pairing": "cluster-1", "rule": "R39", "what": "start: done"}
    assert start in [{key: line[key] for key in start} for line in found["timeline"]]


def test_a_long_run_of_random_faults(capsys: pytest.CaptureFixture[str]) -> None:
    """The same seed has the same faults; JSON says how to play it again."""
    words = (*QUICK, "--seed", "3", "--hours", "0.5", "--every", "2m", "--json")
    assert run(*words) == 0
    found = as_json(capsys)
    assert "timeline" not in found
    assert found["simulated_seconds"] == 1800
    assert len(found["scenario"]["faults"]) > 3
    replay = found["replay"].split()
    assert replay[:2] == ["nova-watchdog", "simulate"]
    assert run(*replay[2:], "--json") == 0
    assert as_json(capsys) == found


def test_a_long_run_prints_its_summary_only(capsys: pytest.CaptureFixture[str]) -> None:
    """A day's timeline is for nobody."""
    assert run(*QUICK, "--hours", "0.5", "--every", "5m") == 0
    out, err = capsys.readouterr()
    assert out.startswith("simulated          30 min\n")
    assert err == ""


def test_your_own_configuration(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Its names, modes, times and budgets; a pairing in mode observe stays so."""
    site.append("nova-watchdog.toml", "[hold]\ndeadline_s = 30\n[policy]\nrestart_budget = 1\n")
    site.edit("nova-watchdog.toml", {"[pairing.cluster-b]\n": '[pairing.cluster-b]\nmode = "observe"\n'})
    faults = ("--fault", "kill ctl1 at 90s for 1m", "--fault", "crash cluster-b at 3m")
    assert run("--config", site.toml, *faults, "--for", "6m") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "deadline 30 s, takeover after 32.96 s" in out
    assert any(rest.startswith("H52") and at >= "00:02:00" for at, _, rest in rows(out, "cluster-a"))
    assert "cluster-b: 180.000 s, from 00:03:00.000 to the end (mode observe: nothing is done for it)" in out
    assert "not counted, being in mode observe: cluster-b" in out


def test_a_spent_budget_waits_for_a_human(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """With one start in half an hour and no standby the second crash is the end."""
    site.append("nova-watchdog.toml", "[policy]\nrestart_budget = 1\n")
    crashes = [word for at in ("1m", "2m") for word in ("--fault", f"crash cluster-a at {at}")]
    assert run("--config", site.toml, "--controllers", "1", *crashes) == 0
    assert "no: a budget is spent, and only a human may go on" in capsys.readouterr().out


@pytest.mark.parametrize(("scheme", "killed"), [("rabbit", True), ("zmq", False)])
def test_a_message_bus_that_is_not_watched_shows_no_hang(
    site: Site, capsys: pytest.CaptureFixture[str], scheme: str, *, killed: bool
) -> None:
    """As in the daemon: without its pings nothing proves that a process hangs."""
    site.edit("nova.conf", {"rabbit://": f"{scheme}://"})
    assert run("--config", site.toml, "--fault", "hang cluster-a at 30s for 3m", "--json") == 0
    assert ("R57 kill done" in as_json(capsys)["actions"]) is killed


def test_an_upgrade_by_chance_keeps_within_your_times() -> None:
    """Its deadline was chosen for the usual ones."""
    slow = Timing(renew_s=8.0, timeout_s=5.0, deadline_s=45.0)
    tight = Timing(renew_s=3.9, timeout_s=3.0, deadline_s=15.0)
    upgrade = Fault(Kind.UPGRADE, 60.0, "ctl1", 0.0, 14.0)
    for timing, expected in ((Timing(), 14.0), (slow, 42.0), (tight, 14.8)):
        fitted = cli_simulate._fitted(upgrade, Scenario(("ctl1",), ("a",), 600.0, timing=timing))
        assert fitted.value == expected
        assert replace(timing, deadline_s=fitted.value).problems() == []


def test_a_configuration_is_simulated_on_any_machine(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Without nova's files, clouds.yaml and the daemon's directories; it says what is not known then."""
    (site.root / "nova.conf").unlink()
    (site.root / "clouds.yaml").unlink()
    site.edit("nova-watchdog.toml", {f"{site.root}/control.sock": "/none/such/control.sock"})
    assert run("--config", site.toml) == 0
    out, err = capsys.readouterr()
    assert len(rows(out, "cluster-b")) > 0
    assert err.count("nova's files are not read here") == 1


def test_mistakes_in_the_configuration_are_told_as_ever(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line each, exit code 2."""
    site.append("nova-watchdog.toml", "[hold]\nrenew_s = 9\nmove_budget = 0\n")
    assert run("--config", site.toml) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[1] for line in lines] == ["hold.deadline_s", "hold.move_budget"]
    assert run("--config", site.root / "none.toml") == 2
    assert "none.toml: file: does not exist; allowed: a readable file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--fault", "tremble"], "allowed is KIND [TARGET] at TIME"),
        (["--fault", "tremble ctl1 at 3s"], '"tremble" is no fault: allowed are kill, reboot'),
        (["--fault", "kill ctl4 at 3s"], "allowed is one of ctl1, ctl2, ctl3"),
        (["--fault", "crash cluster-3 at 3s"], "allowed is one of cluster-1, cluster-2"),
        (["--fault", "kill ctl1 at 25h"], "allowed is less than 86400 s"),
        (["--fault", "upgrade ctl1 at 3s value 5"], "the deadline is 5: allowed is more than 3 renew_s"),
        (["--fault", "kill ctl1 at 1m", "--for", "90s"], "allowed is more than 120 s, when the last fault"),
        (["--fault", "kill ctl1 at 1m", "--hours", "2"], "--fault and --hours: allowed are either"),
        (["--for", "1m", "--every", "5m"], "--for and --every: allowed are either"),
        (["--config", "/none", "--pairings", "2"], "--pairings and --config: allowed is one of them"),
        (["--controllers", "0"], "'0' is not allowed: 1 to 9"),
        (["--pairings", "51"], "'51' is not allowed: 1 to 50"),
        (["--hours", "1000"], "'1000' is not allowed: 0.5 to 168"),
        (["--hours", "long"], "'long' is not allowed: 0.5 to 168"),
        (["--seed", "-1"], "'-1' is not allowed: a whole number"),
        (["--every", "0s"], "'0s' is not allowed: more than nothing"),
        (["--for", "5"], "'5' is no duration; allowed: numbers with d, h, m and s"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_wrong_usage_ends_with_2(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong and what is allowed, on stderr; nothing is simulated."""
    assert run(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err


def test_every_fault_is_listed_with_its_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    """By what it happens to."""
    assert set(MEANINGS) == set(Kind)
    assert run("--list-faults") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.endswith(":")] == [
        "of a controller:",
        "of a pairing:",
        "of everybody:",
    ]
    listed = {
        words[0]: words[1] for words in (line.split(None, 1) for line in lines if line.startswith("  "))
    }
    assert listed == {kind.value: meaning for kind, meaning in MEANINGS.items()}
    assert lines[-2].startswith("at once, without `for`: wipe-run, kill-daemon, ")
    assert lines[-1] == "with `value`: upgrade, store-restored"


def test_a_reader_of_the_faults_may_stop_reading() -> None:
    """As `head -1` does: no traceback."""
    source = Path(cli.__file__).parents[1]
    words = [sys.executable, "-m", "nova_watchdog", "simulate", "--list-faults"]
    with subprocess.Popen(words, cwd=source, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == cli_simulate.EXIT_OK


@pytest.fixture
def in_the_foreground() -> Iterator[None]:
    """A shell lets what it starts in the background ignore SIGINT, and the tests may be started so."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("in_the_foreground")
@pytest.mark.parametrize("times", [1, 2])
def test_an_interrupt_ends_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], times: int
) -> None:
    """Between two steps of the daemons, or at once if asked again; and the handler is what it was."""
    before = signal.getsignal(signal.SIGINT)

    def interrupted(*arguments: Any, **options: Any) -> Outcome:
        for _ in range(times):
            signal.raise_signal(signal.SIGINT)
        assert times == 1, "the second is not held back"
        return simulate(*arguments, **options)

    monkeypatch.setattr(cli_simulate, "simulate", interrupted)
    assert run(*QUICK, "--hours", "0.5") == cli_simulate.EXIT_INTERRUPTED
    assert capsys.readouterr() == ("", "nova-watchdog: interrupted\n")
    assert signal.getsignal(signal.SIGINT) == before


@pytest.fixture
def with_a_violation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Something forbidden, a minute after the begin."""

    def broken(scenario: Scenario, *arguments: Any, **options: Any) -> Outcome:
        outcome = simulate(scenario, *arguments, **options)
        return replace(outcome, violations=(Violation(60.0, "overlap", "cluster-1 runs on ctl1 and ctl2"),))

    monkeypatch.setattr(cli_simulate, "simulate", broken)


@pytest.mark.usefixtures("with_a_violation")
def test_a_violation_stands_in_the_timeline(capsys: pytest.CaptureFixture[str]) -> None:
    """At its time, and in the summary; exit code 1."""
    assert run(*QUICK, "--fault", "crash cluster-1 at 50s", "--for", "2m") == 1
    out = capsys.readouterr().out
    times = [line.split()[0] for line in out.split("\n\n")[0].splitlines()[1:]]
    assert times == sorted(times)
    assert "00:01:00.000  !!" in out
    assert "forbidden          60.000 s overlap: cluster-1 runs on ctl1 and ctl2" in out


@pytest.mark.usefixtures("with_a_violation")
def test_a_violation_in_a_long_run_says_how_to_play_it_again(capsys: pytest.CaptureFixture[str]) -> None:
    """With what happened before it, and nothing of what came after."""
    assert run(*QUICK, "--seed", "3", "--hours", "0.5") == 1
    out = capsys.readouterr().out
    timeline = out.split("\n\n")[0].splitlines()
    assert timeline[-1].split()[:2] == ["00:01:00.000", "!!"]
    replay = "nova-watchdog simulate --seed 3 --hours 0.5 --every 600s --controllers 2 --pairings 1"
    assert out.splitlines()[-1] == f"played again by: {replay}"


def test_an_error_in_a_run_says_how_to_play_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault that no rule foresees is not hidden."""

    def fails(*_arguments: Any, **_options: Any) -> Outcome:
        raise RuntimeError("a daemon ended")

    monkeypatch.setattr(cli_simulate, "simulate", fails)
    with pytest.raises(RuntimeError) as caught:
        run(*QUICK, "--seed", "3")
    assert caught.value.__notes__[0].startswith("played again by: nova-watchdog simulate --seed 3 --hours 1 ")
    assert logging.root.manager.disable == logging.NOTSET


def test_a_terminal_is_told_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And has nothing left of it in the end."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    assert run(*QUICK, "--hours", "0.5", "--every", "5m") == 0
    assert "\r 50 %" in screen.getvalue()
    assert screen.getvalue().endswith("\r     \r")
    assert "%" not in capsys.readouterr().out.splitlines()[0]


def test_the_daemons_do_not_log(capsys: pytest.CaptureFixture[str]) -> None:
    """A process of its own shows what an operator would see on stderr: nothing."""
    source = Path(cli.__file__).parents[1]
    words = ["simulate", *QUICK, "--fault", "crash cluster-1 at 30s"]
    done = subprocess.run(
        [sys.executable, "-m", "nova_watchdog", *words],
        cwd=source,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stderr == ""
    assert run(*words[1:]) == 0
    assert capsys.readouterr().out == done.stdout


def test_the_help_tells_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    """Each with its meaning, and how a fault is said."""
    assert run("--help") == 0
    out = capsys.readouterr().out
    codes = (
        cli_simulate.EXIT_OK,
        cli_simulate.EXIT_FAILURE,
        cli_simulate.EXIT_USAGE,
        cli_simulate.EXIT_INTERRUPTED,
    )
    assert all(f"\n  {code}  " in out for code in codes)
    assert "KIND [TARGET] at TIME [for TIME] [value NUMBER]" in out


_PAGE = Path(__file__).parents[2] / "docs/simulate.md"
_SHOWN = [
    block.splitlines()
    for block in re.findall(r"```console\n(.*?)```", _PAGE.read_text(), re.DOTALL)
    if len({line.startswith("$ ") for line in block.splitlines()}) == 2
]


@pytest.mark.parametrize("block", _SHOWN, ids=lambda block: block[0])
def test_its_page_shows_what_is_printed(block: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Each line; `...` stands for some that are left out."""
    assert run(*shlex.split(block[0][2:])[2:]) == 0
    printed = capsys.readouterr().out.splitlines()
    shown = block[1:]
    if "..." in shown:
        at = shown.index("...")
        printed[at : printed.index(shown[at + 1])] = ["..."]
    assert shown == printed


def test_both_kinds_of_run_are_on_its_page() -> None:
    """With what they print."""
    assert ["--fault" in block[0] for block in _SHOWN] == [True, False]


def test_the_commands_of_its_page_are_right() -> None:
    """docs/simulate.md shows no option and no fault that there is not."""
    page = _PAGE.read_text()
    commands = [
        shlex.split(line[2:])[1:] for line in page.splitlines() if line.startswith("$ nova-watchdog ")
    ]
    assert len(commands) > 5
    for words in commands:
        for text in cli._parser().parse_args(words).fault:
            parse_fault(text, ("ctl1", "ctl2", "ctl3"), ("cluster-1", "cluster-2"))
