"""The script of the dead man's switch with a systemctl that is played: it believes only what it sees."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from contracts.waiting import PATIENCE_S

_SCRIPT = Path(__file__).parents[2] / "systemd" / "deadline"
# Shows the next of the prepared answers at each `show`, the last one for ever; `none` fails.
_SYSTEMCTL = """\
#!/bin/sh
case $* in
    *ExecCondition*) cat {place}/conditions/$4 2>/dev/null; exit 0 ;;
esac
printf '%s\\n' "$*" >>{place}/calls
case $1 in
    show) ;;
    *) exit 0 ;;
esac
set -- {place}/answers/*
shown=$(cat "$1")
printf '%s\\n' "$shown"
[ $# -eq 1 ] || rm "$1"
[ "$shown" != none ]
"""
DEAD = "Job=\nControlGroup=\nActiveState=inactive\n"
FAILED = "Job=\nControlGroup=\nActiveState=failed\n"
ALIVE = "Job=\nControlGroup=/system.slice/a\nActiveState=active\n"
QUEUED = "Job=17\nControlGroup=\nActiveState=inactive\n"


class Script:
    """The script in a place of its own."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.tokens = place / "run" / "tokens"
        self.tokens.mkdir(parents=True)
        (self.tokens / "a.service").write_text("100.00\n")
        (place / "etc").mkdir()
        (place / "bin").mkdir()
        (place / "answers").mkdir()
        (place / "conditions").mkdir()
        systemctl = place / "bin" / "systemctl"
        systemctl.write_text(_SYSTEMCTL.format(place=place))
        systemctl.chmod(0o755)
        text = _SCRIPT.read_text().replace("PATH=", f"PATH={place}/bin:", 1)
        for name in ("/etc/nova-watchdog", "/run/nova-watchdog", "/sys/fs/cgroup"):
            text = text.replace(name, str(place / name.split("/")[1]))
        self._file = place / "deadline"
        self._file.write_text(text)

    def manage(self, text: str) -> None:
        """Write the list of managed units."""
        (self.place / "etc" / "managed-units").write_text(text)

    def answers(self, *answers: str) -> None:
        """What systemctl shows, one look after the other."""
        for number, answer in enumerate(answers):
            (self.place / "answers" / f"{number}").write_text(answer)

    def run(self, within_s: float = PATIENCE_S) -> subprocess.CompletedProcess[str]:
        """To its end; TimeoutExpired where it has none."""
        return subprocess.run(
            ["sh", self._file], capture_output=True, text=True, check=False, timeout=within_s
        )

    def calls(self) -> list[str]:
        """What it asked systemctl for."""
        return (self.place / "calls").read_text().splitlines()


@pytest.fixture
def script(tmp_path: Path) -> Script:
    return Script(tmp_path)


def test_it_stops_first_then_kills_then_looks(script: Script) -> None:
    """All units in one call each, and the tokens are gone."""
    script.manage("# two\na.service\nb.service\n")
    script.answers(f"{DEAD}\n{FAILED}")
    done = script.run()
    assert (done.returncode, done.stderr) == (
        0,
        "the deadline passed without a renewal: 2 managed units are dead\n",
    )
    assert [call.split()[0] for call in script.calls()] == ["stop", "kill", "show"]
    assert script.calls()[:2] == [
        "stop --no-block -- a.service b.service",
        "kill --signal=KILL -- a.service b.service",
    ]
    assert not script.tokens.exists()


@pytest.mark.parametrize(
    "answer", [ALIVE, QUEUED, DEAD, "", "none"], ids=["alive", "job", "one", "empty", "fails"]
)
def test_it_goes_on_until_every_unit_is_seen_dead(script: Script, answer: str) -> None:
    """Also when systemctl fails, or shows fewer units than it was asked for."""
    script.manage("a.service\nb.service\n")
    script.answers(answer if answer in (DEAD, "", "none") else f"{DEAD}\n{answer}", f"{DEAD}\n{DEAD}")
    if answer == "none":
        (script.place / "answers" / "1").unlink()
        with pytest.raises(subprocess.TimeoutExpired):
            script.run(within_s=2.0)
        assert len(script.calls()) > 6
        return
    assert script.run().returncode == 0
    assert len(script.calls()) == 6


@pytest.mark.parametrize("text", ["", "# nothing\n", "foo.timer\n", None])
def test_without_a_unit_it_takes_the_tokens_and_fails(script: Script, text: str | None) -> None:
    """And says what is missing: a success would look as if all were dead."""
    if text is not None:
        script.manage(text)
    done = script.run()
    assert done.returncode == 1
    assert "names no unit" in done.stderr
    assert not script.tokens.exists()


def test_names_are_taken_as_they_are(script: Script) -> None:
    """With systemd's escapes, and whatever an editor left at the ends of the lines; no pattern, no option."""
    script.manage(" nova\\x2dcompute@a.service\t\r\n*.service\n--now.service\nb.service x\nc.service")
    script.answers(f"{DEAD}\n{DEAD}\n{DEAD}")
    script.run()
    assert script.calls()[0] == "stop --no-block -- nova\\x2dcompute@a.service --now.service c.service"


def test_what_has_a_token_is_killed_though_it_left_the_list(script: Script) -> None:
    """It was held here. But not whatever the daemon's user writes there: only what asks for a token."""
    script.manage("a.service\n")
    for unit in ("b.service", "precious.service", "no-unit"):
        (script.tokens / unit).touch()
    condition = "ExecCondition={ path=/usr/lib/nova-watchdog/may-start ; argv[]=x ; }\n"
    (script.place / "conditions" / "b.service").write_text(condition)
    (script.place / "conditions" / "precious.service").write_text("")
    script.answers(f"{DEAD}\n{DEAD}")
    assert script.run().returncode == 0
    assert script.calls()[0] == "stop --no-block -- a.service b.service"


def test_a_link_in_the_place_of_the_tokens_is_removed_and_not_followed(script: Script) -> None:
    """The directory belongs to the daemon's user, the script runs as root."""
    (script.tokens / "a.service").rename(script.place / "elsewhere")
    script.tokens.rmdir()
    (script.place / "precious").mkdir()
    (script.place / "precious" / "file").touch()
    script.tokens.symlink_to(script.place / "precious")
    script.manage("a.service\n")
    script.answers(DEAD)
    script.run()
    assert not script.tokens.exists()
    assert (script.place / "precious" / "file").exists()


def test_what_is_left_over_is_killed_by_its_group(script: Script) -> None:
    """A process that systemd has let go. One of another namespace shows as 0, which is not this script."""
    with subprocess.Popen(["sleep", "60"]) as process:
        group = script.place / "sys" / "systemd" / "left"
        group.mkdir(parents=True)
        (group / "cgroup.procs").write_text(f"0\n{process.pid}\n")
        script.manage("a.service\n")
        script.answers("Job=\nControlGroup=/left\nActiveState=inactive\n", DEAD)
        assert script.run().returncode == 0
        assert process.wait(5) == -9
