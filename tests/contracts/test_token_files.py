"""What the start condition makes of what it finds: the script itself, on files of a test."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from fakes.clock import FakeClock
from figures import BUSY_MACHINE_S
from nova_watchdog.adapters.clock import SystemClock
from nova_watchdog.adapters.tokens import TokenFiles
from nova_watchdog.ports import ActionRefusedError

UNIT = "nova-compute@cluster\\x2da.service"
_SCRIPT = Path(__file__).parents[2] / "systemd" / "may-start"


class Condition:
    """The script with another /run and another /proc/uptime."""

    def __init__(self, directory: Path) -> None:
        self.tokens = directory / "run" / "tokens"
        self.tokens.parent.mkdir()
        self.uptime = directory / "uptime"
        self.uptime.write_text("100.00 321.00\n")
        self._script = directory / "may-start"
        text = _SCRIPT.read_text().replace("/run/nova-watchdog", str(self.tokens.parent))
        self._script.write_text(text.replace("/proc/uptime", str(self.uptime)))

    def put(self, text: str) -> None:
        """Write a token."""
        self.tokens.mkdir(exist_ok=True)
        (self.tokens / UNIT).write_text(text)

    def ask(self, unit: str = UNIT) -> str:
        """Why it is not started; empty: it is."""
        done = subprocess.run(["sh", self._script, unit], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) in ((0, ""), (1, ""))
        assert bool(done.stderr) == bool(done.returncode)
        return done.stderr


@pytest.fixture
def condition(tmp_path: Path) -> Condition:
    return Condition(tmp_path)


@pytest.mark.parametrize("text", ["100.01\n", "100.01", "101.00\n", "12345678.90 \n", "0100.01\n"])
def test_a_token_that_has_not_ended_lets_it_start(condition: Condition, text: str) -> None:
    """However it is written: with zeros before it, with or without the end of the line."""
    condition.put(text)
    assert condition.ask() == ""


@pytest.mark.parametrize("text", ["100.00\n", "99.99\n", "0.00\n", "9.99\n"])
def test_a_token_that_has_ended_does_not(condition: Condition, text: str) -> None:
    """At the very moment it ends as well."""
    condition.put(text)
    assert "its token has ended" in condition.ask()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "101",
        "101.0\n",
        "101.000\n",
        "1e9.00\n",
        "-1.00\n",
        "+101.00",
        ".99",
        "1.0.00",
        "99999999999999999.00",
        "$(x).00",
    ],
)
def test_a_damaged_token_is_none(condition: Condition, text: str) -> None:
    """Whatever it was meant to say."""
    condition.put(text)
    assert "not started: this controller does not hold" in condition.ask()


def test_what_is_no_file_is_no_token(condition: Condition) -> None:
    """A directory, nothing at all, or no time to compare with."""
    assert "it has no token" in condition.ask()
    (condition.tokens / UNIT).mkdir(parents=True)
    assert "it has no token" in condition.ask()
    (condition.tokens / UNIT).rmdir()
    condition.put("101.00\n")
    condition.uptime.write_text("soon\n")
    assert "uptime shows no time" in condition.ask()
    condition.uptime.unlink()
    assert "not started" in condition.ask()


@pytest.mark.parametrize("unit", ["", "../x", ".new", "a/b.service"])
def test_what_is_no_units_name_is_refused(condition: Condition, unit: str) -> None:
    """No way out of the directory of tokens."""
    condition.put("101.00\n")
    assert "no unit's name" in condition.ask(unit)


async def test_what_the_adapter_writes_the_condition_reads(condition: Condition) -> None:
    """On the clock of /proc/uptime, cut: it ends early rather than late."""
    clock = FakeClock()
    tokens = TokenFiles(condition.tokens, {"a": UNIT}, clock, condition.uptime)
    await tokens.grant("a", clock.now_s() + 15.0)
    assert (condition.tokens / UNIT).read_text() == "115.00\n"
    await tokens.grant("a", clock.now_s() + 0.019)
    assert (condition.tokens / UNIT).read_text() == "100.01\n"
    assert condition.ask() == ""
    await tokens.grant("a", clock.now_s() - 1000)
    assert (condition.tokens / UNIT).read_text() == "0.00\n"
    assert [path.name for path in condition.tokens.iterdir()] == [UNIT]


def _uptime_s() -> float:
    return float(Path("/proc/uptime").read_text().split()[0])


async def test_a_token_by_the_real_clock(condition: Condition) -> None:
    """Half a minute from now is that long from what /proc/uptime shows, or a little less."""
    clock = SystemClock()
    tokens = TokenFiles(condition.tokens, {"a": UNIT}, clock)
    await tokens.grant("a", clock.now_s() + 30)
    until_s = float((condition.tokens / UNIT).read_text())
    assert 30 - BUSY_MACHINE_S < until_s - _uptime_s() <= 30


async def test_an_unknown_pairing_and_an_unreadable_time_are_refused(
    condition: Condition, tmp_path: Path
) -> None:
    """Nothing is written."""
    tokens = TokenFiles(condition.tokens, {"a": UNIT}, FakeClock(), tmp_path / "nothing")
    with pytest.raises(ActionRefusedError, match="b is no pairing"):
        await tokens.grant("b", 1.0)
    with pytest.raises(ActionRefusedError, match="token of a cannot be written"):
        await tokens.grant("a", 1.0)
    assert not condition.tokens.exists()
