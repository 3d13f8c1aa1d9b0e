"""What the Nova adapter makes of a Keystone and a Nova that fail, hang, and refuse."""

from __future__ import annotations

import asyncio
import logging
import threading
import time

import pytest

from contracts.nova_worlds import SHORT_S, StandInWorld, clouds_yaml
from contracts.waiting import PATIENCE_S, until
from fakes.clock import FakeClock
from nova_watchdog.adapters.clock import SystemClock
from nova_watchdog.adapters.nova import OpenStackServices
from nova_watchdog.core.model import DRIVER_DISABLED_REASON
from nova_watchdog.ports import ActionRefusedError, ProbeError, ResultUnknownError

HOST = "vcenter-cluster-a"
_SECRET = "hunter2-wrong"
# Long enough for a request that is answered, short enough to wait for one that is not.
_HEARD_S = 2.0


@pytest.fixture
async def world(tmp_path):
    made = await StandInWorld(tmp_path).open()
    yield made
    await made.close()


@pytest.fixture
async def impatient(tmp_path):
    """A world whose port gives up soon: reads that must succeed are tried until they do."""
    made = await StandInWorld(tmp_path, timeout_s=SHORT_S).open()
    yield made
    await made.close()


async def test_a_read_is_one_request_once_logged_in(world):
    """At microversion 2.69, which tells of cells that are down; logging in is two more, once."""
    await world.port.read()
    world.server.requests.clear()
    await world.port.read()
    assert world.server.requests == [("GET", "/compute/v2.1/os-services", "compute 2.69")]
    assert world.server.logins == 1


async def test_an_older_nova_is_asked_for_less_from_then_on(world):
    """It refuses 2.69 once, which costs one request; then each read is one again."""
    world.server.newest = (2, 53)
    world.nova.hide(HOST)
    view = await world.port.read()
    assert (set(view.computes), view.hidden) == ({"vcenter-cluster-b"}, frozenset())
    world.server.requests.clear()
    await world.port.read()
    assert world.server.requests == [("GET", "/compute/v2.1/os-services", "compute 2.53")]
    world.nova.disable_by_driver("vcenter-cluster-b")
    await world.port.enable("vcenter-cluster-b", only_if_reason=DRIVER_DISABLED_REASON)
    assert world.nova.enabled == ["vcenter-cluster-b"]


async def test_an_older_nova_is_asked_again_after_an_hour(tmp_path):
    """It may have been upgraded; the daemon runs for months."""
    clock = FakeClock()
    world = await StandInWorld(tmp_path, clock=clock).open()
    world.server.newest = (2, 53)
    await world.port.read()
    world.server.newest = (2, 69)
    world.nova.hide(HOST)
    assert not (await world.port.read()).hidden
    await clock.advance(3601)
    assert (await world.port.read()).hidden == {HOST}
    await world.close()


async def test_an_expired_token_is_renewed_unnoticed(world):
    """Keystone says 401 once, the reader sees nothing of it."""
    await world.port.read()
    world.server.expire_token()
    assert HOST in (await world.port.read()).computes
    assert world.server.logins == 2


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_silent_server_fails_the_probe_within_its_deadline(impatient, method):
    """Keystone that never answers, and Nova that never answers."""
    impatient.server.hang(method)
    began = time.monotonic()
    with pytest.raises(ProbeError, match="no answer"):
        await impatient.port.read()
    assert time.monotonic() - began < 20  # the silence has no end


async def test_a_thawed_server_is_read_again(impatient):
    """Nothing has to be restarted, and no thread was added for the hung calls."""
    await _eventually_read(impatient.port)
    threads = set(threading.enumerate())
    impatient.server.hang("GET")
    for _ in range(4):
        with pytest.raises(ProbeError):
            await impatient.port.read()
    assert set(threading.enumerate()) <= threads
    impatient.server.thaw()
    assert HOST in await _eventually_read(impatient.port)


async def _eventually_read(port):
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return (await port.read()).computes
            except ProbeError:
                await asyncio.sleep(0.05)


async def test_a_refused_connection_is_a_failed_probe(world):
    """With the reason of the operating system; and the port can be back later."""
    await world.port.read()
    await world.server.stop()
    with pytest.raises(ProbeError, match=r"cannot connect: .*refused"):
        await world.port.read()
    await world.server.start()
    assert HOST in (await world.port.read()).computes


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 502, 503])
async def test_each_http_error_is_a_failed_probe(world, status):
    """Its status is in the reason."""
    world.server.get_status = status
    with pytest.raises(ProbeError, match=f"HTTP {status}"):
        await world.port.read()


@pytest.mark.parametrize(
    "body", ["", "no json", "[]", "{}", '{"services": 7}', '{"services": [{"binary": "nova-compute"}]}']
)
async def test_an_answer_that_is_no_list_of_services_is_a_failed_probe(world, body):
    """Rather that than an empty cloud."""
    world.server.body = body
    with pytest.raises(ProbeError, match="not a list of services"):
        await world.port.read()


async def test_a_catalog_without_nova_is_a_failed_probe(world):
    """And says what is missing."""
    world.server.has_endpoint = False
    with pytest.raises(ProbeError, match="no endpoint of the Compute service"):
        await world.port.read()


async def test_refused_credentials_are_not_tried_again_until_the_file_changes(world):
    """Keystone may lock accounts. A corrected file is taken at once."""
    world.clouds_file.write_text(clouds_yaml(world.server.url, _SECRET))
    for _ in range(3):
        with pytest.raises(ProbeError, match="refused the credentials") as caught:
            await world.port.read()
        assert _SECRET not in str(caught.value)
    assert world.server.logins == 1
    world.clouds_file.write_text(clouds_yaml(world.server.url))
    assert HOST in (await world.port.read()).computes


@pytest.mark.parametrize(
    "content",
    [
        None,
        f"clouds: {{lab: {{auth: {{password: [{_SECRET}",
        "clouds: {}",
        "clouds: []",
        "clouds: {lab: 7}",
        "clouds: {lab: {auth: 7}}",
        "7",
        "",
        f"clouds:\n  other:\n    auth: {{password: {_SECRET}}}",
        f"clouds:\n  lab:\n    auth: {{password: {_SECRET}}}",
        f"clouds:\n  lab:\n    auth_type: nonsense\n    auth: {{password: {_SECRET}}}",
    ],
)
async def test_an_unusable_clouds_file_is_a_failed_probe_without_its_secrets(tmp_path, content, caplog):
    """Absent, no YAML, no such cloud, no way to log in: a reason, and no password in it or in any log."""
    caplog.set_level(logging.DEBUG)
    path = tmp_path / "clouds.yaml"
    if content is not None:
        path.write_text(content)
    port = OpenStackServices("lab", path, timeout_s=PATIENCE_S, clock=SystemClock())
    with pytest.raises(ProbeError) as caught:
        await port.read()
    await port.close()
    assert len(str(caught.value)) > 10
    assert _SECRET not in str(caught.value) + caplog.text


async def test_no_secret_reaches_the_log(world, caplog):
    """Neither the password nor the token, whatever the level."""
    caplog.set_level(logging.DEBUG)
    await world.port.read()
    world.server.expire_token()
    await world.port.read()
    assert "the-right-one" not in caplog.text
    assert "token-" not in caplog.text


async def test_the_environment_is_nobodys_credentials(world, monkeypatch):
    """`OS_*` variables of the shell that started the daemon change nothing."""
    for name, value in {
        "OS_PASSWORD": _SECRET,
        "OS_CLOUD": "other",
        "OS_AUTH_URL": "http://192.0.2.1",
    }.items():
        monkeypatch.setenv(name, value)
    assert HOST in (await world.port.read()).computes


async def test_enable_given_up_before_the_change_never_sends_it(world):
    """The record's answer comes after the deadline: the change must not follow it."""
    world.nova.disable_by_driver(HOST)
    await world.port.read()
    world.port._timeout_s = 0.2  # the caller's patience ends before the socket's
    world.server.hang("GET")
    with pytest.raises(ActionRefusedError, match="not enabled"):
        await world.port.enable(HOST, only_if_reason=DRIVER_DISABLED_REASON)
    world.server.thaw()
    await until(world.port._worker._idle.is_set)  # the record's answer has come
    assert world.nova.enabled == []
    assert not [request for request in world.server.requests if request[0] == "PUT"]


async def test_enable_without_an_answer_in_time_is_an_unknown_result(tmp_path):
    """The change was sent; it happens after all, when Nova thaws."""
    world = await StandInWorld(tmp_path, timeout_s=_HEARD_S).open()
    await _eventually_read(world.port)  # logged in
    world.nova.disable_by_driver(HOST)
    world.server.hang("PUT")
    with pytest.raises(ResultUnknownError, match="no answer"):
        await world.port.enable(HOST, only_if_reason=DRIVER_DISABLED_REASON)
    world.server.thaw()
    await until(lambda: world.nova.enabled)
    assert world.nova.enabled == [HOST]
    await world.close()


@pytest.mark.parametrize(
    ("status", "error"), [(403, ActionRefusedError), (404, ActionRefusedError), (500, ResultUnknownError)]
)
async def test_nova_that_refuses_differs_from_nova_that_fails(world, status, error):
    """A 4xx did not happen; a 5xx may have."""
    world.nova.disable_by_driver(HOST)
    world.server.put_status = status
    with pytest.raises(error, match=f"HTTP {status}"):
        await world.port.enable(HOST, only_if_reason=DRIVER_DISABLED_REASON)
