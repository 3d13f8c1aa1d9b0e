from __future__ import annotations

import io
import logging
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from nova_watchdog.core.kv import kv
from nova_watchdog.telemetry import logs

PASSWORD = 'p4ss"word\\with spaces&more'


@pytest.fixture(autouse=True)
def untouched_logging() -> Iterator[None]:
    """Give the process back its loggers as they were."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in (*logs.LIBRARIES, logs.ROOT)}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, number in levels.items():
        logging.getLogger(name).setLevel(number)


def lines(stream: io.StringIO) -> list[str]:
    return stream.getvalue().splitlines()


def our() -> logging.Logger:
    return logging.getLogger("nova_watchdog.runtime")


def test_our_events_pass_through_as_they_are() -> None:
    """Time, level and logger in front, then the event's own fields."""
    stream = io.StringIO()
    logs.setup("info", stream)
    our().info(kv("edge", pairing="cluster-a", why="no process"))
    assert re.fullmatch(
        r"time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=info logger=nova_watchdog\.runtime "
        r'event=edge pairing=cluster-a why="no process"',
        lines(stream)[0],
    )


def test_a_message_of_a_library_is_one_quoted_field() -> None:
    """Also when it looks like one of our lines: a server's text cannot forge an event."""
    stream = io.StringIO()
    logs.setup("info", stream)
    logging.getLogger("keystoneauth.session").warning("event=edge diagnosis=%s\nevent=edge", "healthy")
    assert lines(stream)[0].endswith(
        r'logger=keystoneauth.session event=log message="event=edge diagnosis=healthy\nevent=edge"'
    )
    assert len(lines(stream)) == 1


def test_a_broken_event_of_ours_is_quoted_as_well() -> None:
    """A line that did not come from kv() stays one line."""
    stream = io.StringIO()
    logs.setup("info", stream)
    our().info("event=edge\nlevel=error forged=1")
    assert len(lines(stream)) == 1
    assert r'event=log message="event=edge\nlevel=error forged=1"' in lines(stream)[0]


def test_an_exception_stays_on_its_line() -> None:
    """A traceback is one escaped field."""
    stream = io.StringIO()
    logs.setup("info", stream)
    try:
        int("first\nsecond")
    except ValueError:
        our().exception(kv("failed"))
    assert len(lines(stream)) == 1
    assert r"ValueError: invalid literal for int() with base 10: 'first\\nsecond'" in lines(stream)[0]


def test_the_level_counts_for_us_and_debug_never_for_libraries() -> None:
    """At debug we tell everything, libraries that log headers and passwords still only warn."""
    stream = io.StringIO()
    logs.setup("debug", stream)
    our().debug(kv("detail"))
    for name in (*logs.LIBRARIES, "keystoneauth.identity", "urllib3.connectionpool", "aiohttp.access"):
        logging.getLogger(name).debug("secret-header")
        logging.getLogger(name).info("secret-header")
        logging.getLogger(name).warning("warned by %s", name)
    assert "event=detail" in lines(stream)[0]
    assert "secret-header" not in stream.getvalue()
    assert stream.getvalue().count("warned by") == len(logs.LIBRARIES) + 3


def test_a_library_that_lowers_its_own_level_is_still_held_back() -> None:
    """openstack.enable_logging() and its like do not open the gate."""
    stream = io.StringIO()
    logs.setup("debug", stream)
    logging.getLogger("keystoneauth.session").setLevel(logging.DEBUG)
    try:
        logging.getLogger("keystoneauth.session").debug("X-Subject-Token: secret")
        logging.getLogger("keystoneauth.session").warning("kept")
    finally:
        logging.getLogger("keystoneauth.session").setLevel(logging.NOTSET)
    assert "secret" not in stream.getvalue()
    assert "kept" in stream.getvalue()


def test_level_error_silences_info_and_warning() -> None:
    """The level is a floor for everybody."""
    stream = io.StringIO()
    logs.setup("error", stream)
    our().warning(kv("quiet"))
    logging.getLogger("urllib3").warning("quiet")
    our().error(kv("loud"))
    assert [line.split("event=")[1] for line in lines(stream)] == ["loud"]


def test_a_level_that_does_not_exist_is_refused() -> None:
    """The text names what is allowed."""
    with pytest.raises(ValueError, match="'chatty'; allowed: debug, info, warning, error"):
        logs.setup("chatty", io.StringIO())


def test_setting_up_twice_does_not_double_the_lines() -> None:
    """The handler is replaced."""
    stream = io.StringIO()
    logs.setup("info", io.StringIO())
    logs.setup("info", stream)
    our().info(kv("once"))
    assert len(lines(stream)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "login with " + PASSWORD,
        kv("login", password=PASSWORD),
        "https://user:p4ss%22word%5Cwith%20spaces%26more@vc1/sdk",
    ],
    ids=["plain", "quoted", "in a URL"],
)
def test_known_secrets_are_blanked_out_in_every_form(text: str) -> None:
    """Plain, escaped by our own quoting, and percent-encoded."""
    stream = io.StringIO()
    logs.setup("info", stream, lambda: [PASSWORD])
    our().info(text)
    assert "p4ss" not in stream.getvalue()
    assert logs.REDACTED in stream.getvalue()


def test_secrets_in_exceptions_are_blanked_out() -> None:
    """An error of a library may quote what it was given."""
    stream = io.StringIO()
    logs.setup("info", stream, lambda: ["hunter22"])
    try:
        int("hunter22")
    except ValueError:
        our().exception(kv("failed"))
    assert "hunter22" not in stream.getvalue()


def test_a_secret_that_holds_another_is_blanked_out_whole() -> None:
    """Longest first: no tail of the longer one remains."""
    stream = io.StringIO()
    logs.setup("info", stream, lambda: ["abcd", "abcdTAIL"])
    our().info(kv("e", value="abcdTAIL"))
    assert "TAIL" not in stream.getvalue()


def test_short_texts_are_not_taken_for_secrets() -> None:
    """An empty or tiny password would blank out everything."""
    stream = io.StringIO()
    logs.setup("info", stream, lambda: ["", "a"])
    our().info(kv("again"))
    assert "event=again" in stream.getvalue()


def test_secrets_stay_known_while_their_source_fails() -> None:
    """A broken nova.conf costs neither log lines nor the redaction."""
    stream = io.StringIO()
    sources: list[Iterable[str]] = [["hunter22"]]

    def secrets() -> Iterable[str]:
        if not sources:
            raise OSError("nova.conf: permission denied")
        return sources.pop()

    logs.setup("info", stream, secrets)
    our().info(kv("first"))
    our().info(kv("second", value="hunter22"))
    assert "event=first" in lines(stream)[0]
    assert lines(stream)[1].endswith("event=second value=[redacted]")


def test_a_record_that_cannot_be_formatted_shows_no_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    """logging's own fallback prints message and arguments to stderr; ours says only that a line was lost."""
    stream = io.StringIO()
    logs.setup("info", stream, lambda: ["hunter22"])
    our().info("%d", "hunter22")
    assert stream.getvalue() == "level=error event=log-line-lost logger=nova_watchdog.runtime\n"
    assert capsys.readouterr().err == ""


def test_a_closed_stream_is_survived(capsys: pytest.CaptureFixture[str]) -> None:
    """Logging never ends the daemon."""
    stream = io.StringIO()
    logs.setup("info", stream)
    stream.close()
    our().info(kv("e"))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("level", "prefix"),
    [
        (logging.DEBUG, "<7>"),
        (logging.INFO, "<6>"),
        (logging.WARNING, "<4>"),
        (logging.ERROR, "<3>"),
        (logging.CRITICAL, "<2>"),
    ],
)
def test_the_journal_gets_priorities_instead_of_a_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, level: int, prefix: str
) -> None:
    """sd-daemon's <N>, where JOURNAL_STREAM names the very stream that is written to."""
    with (tmp_path / "journal").open("w") as stream:
        status = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        logs.setup("debug", stream)
        our().log(level, kv("e"))
        logging.getLogger().handlers.clear()
    text = (tmp_path / "journal").read_text()
    assert re.fullmatch(re.escape(prefix) + r"level=\w+ logger=nova_watchdog\.runtime event=e\n", text)


@pytest.mark.parametrize("value", [None, "", "1:2", "nonsense"])
def test_a_stream_that_is_not_the_journals_gets_times(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str | None
) -> None:
    """A daemon started by a unit whose stderr was redirected inherits the variable all the same."""
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    if value is not None:
        monkeypatch.setenv("JOURNAL_STREAM", value)
    with (tmp_path / "file").open("w") as stream:
        assert not logs.is_journal(stream)
    assert not logs.is_journal(io.StringIO())
