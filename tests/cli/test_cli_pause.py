"""`pause` and `resume` against a daemon's control socket."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.served import run, served
from nova_watchdog.cli_pause import duration_s, unix_s
from nova_watchdog.ports import StoreUnavailableError
from telemetry import pictures
from telemetry.asked import RecordingControl

NOW_WALL_S = pictures.EPOCH_WALL_S + 30.0


@pytest.fixture
def control() -> RecordingControl:
    return RecordingControl()


@pytest.fixture
def path(tmp_path: Path, control: RecordingControl) -> Iterator[Path]:
    """The control socket of a daemon at 2026-01-02T03:04:35Z."""
    with served(tmp_path / "control.sock", control):
        yield tmp_path / "control.sock"


@pytest.mark.parametrize(
    "end", ["--for=2h", "--until=2026-01-02T05:04:35Z", "--until=2026-01-02T06:04:35+01:00"]
)
def test_a_pause_is_asked_for_and_told(
    path: Path, control: RecordingControl, capsys: pytest.CaptureFixture[str], end: str
) -> None:
    """By a duration or by a time; the answer names the end."""
    assert run("pause", "cluster-a", "--reason", "storage upgrade", end, "--socket", path) == 0
    assert capsys.readouterr().out == "cluster-a: paused until 2026-01-02T05:04:35.000Z\n"
    pause = control.asked["cluster-a"]
    assert pause is not None
    assert (pause.reason, pause.until_wall_s) == ("storage upgrade", NOW_WALL_S + 7200)


def test_all_are_paused_and_resumed(
    path: Path, control: RecordingControl, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line each."""
    assert run("pause", "all", "--reason", "x", "--for", "90m", "--socket", path) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert run("resume", "all", "--socket", path) == 0
    assert capsys.readouterr().out == "cluster-a: not paused\ncluster-b: not paused\n"
    assert control.asked == {"cluster-a": None, "cluster-b": None}


def test_what_could_not_be_recorded_ends_with_1(
    path: Path, control: RecordingControl, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was done goes to stdout, what was not to stderr."""
    control.failing = {"cluster-b": StoreUnavailableError("store.json: No space left on device")}
    assert run("resume", "all", "--socket", path) == 1
    out, err = capsys.readouterr()
    assert out == "cluster-a: not paused\n"
    assert err == (
        "nova-watchdog: cluster-b: it could not be recorded: store.json: No space left on device\n"
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["cluster-z", "--reason=x", "--for=1h"], "no pairing is called 'cluster-z'; allowed: cluster-a, "),
        (["cluster-a", "--reason=", "--for=1h"], "reason is missing; allowed: a text of 1 to 200"),
        (["cluster-a", "--reason=\x1b[2J", "--for=1h"], "reason has control characters; allowed: "),
        (["cluster-a", "--reason=\udcff", "--for=1h"], "reason has control characters; allowed: "),
        (["cluster-a", "--reason=x", "--for=8d"], "the end is more than 7 days away; allowed: "),
        (["cluster-a", "--reason=x", "--until=2026-01-02T03:04:35Z"], "the end has passed; allowed: "),
    ],
)
def test_what_the_daemon_refuses_ends_with_2(
    path: Path,
    control: RecordingControl,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    says: str,
) -> None:
    """One line: what is wrong, what is allowed."""
    assert run("pause", *arguments, "--socket", path) == 2
    assert capsys.readouterr().err.startswith(f"nova-watchdog: {says}")
    assert control.asked == {}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "required: PAIRING, --reason"),
        (["cluster-a"], "required: --reason"),
        (["cluster-a", "--for=1h"], "required: --reason"),
        (["cluster-a", "--reason=x"], "one of the arguments --for --until is required"),
        (["cluster-a", "--reason=x", "--for=1h", "--until=2026-01-02T05:04:35Z"], "not allowed with"),
        (["cluster-a", "--reason=x", "--for=2"], "'2' is no duration; allowed: numbers with d, h, m and s"),
        (["cluster-a", "--reason=x", "--until=tomorrow"], "'tomorrow' is no such time; allowed: RFC 3339"),
    ],
)
def test_wrong_usage_is_told_before_anybody_is_asked(
    capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    """A pause without a reason or an end is none."""
    assert run("pause", *arguments) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("45s", 45.0), ("90m", 5400.0), ("2h", 7200.0), ("1d12h", 129600.0), ("1d2h3m4s", 93784.0)],
)
def test_a_duration_is_numbers_with_units(text: str, seconds: float) -> None:
    """The largest unit first."""
    assert duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "2", "2 h", "1.5h", "-1h", "1h1d", "2H", "\u0662h", "9" * 9 + "h"])
def test_a_text_that_is_no_duration_is_refused(text: str) -> None:
    """With what is allowed."""
    with pytest.raises(ArgumentTypeError, match="is no duration") as caught:
        duration_s(text)
    assert "2h" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-02",
        "2026-01-02T05:04:35",
        "2026-13-02T05:04:35Z",
        "2026-01-02T05:04Z",
        "now",
        "20260102T050435Z",
    ],
)
def test_a_time_without_its_offset_is_refused(text: str) -> None:
    """Nobody should have to guess a time zone."""
    with pytest.raises(ArgumentTypeError, match="is no such time"):
        unix_s(text)
