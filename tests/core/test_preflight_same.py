"""Preflight: what must be the same wherever the pairing runs, and which witness counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.builders import OK, PAIRING, REFUSED, observation, reading
from core.here_bench import STANDBY
from core.preflight_bench import (
    BUS,
    ID,
    KEEPER,
    LOCAL,
    NODE,
    NOVA,
    OTHER_ID,
    TOLD,
    alone_with,
    checks,
    others,
    right_bus,
    seen,
)
from nova_watchdog.core.hold.records import (
    ControllerRecord,
    HoldRecord,
    Vantage,
    controller_key,
    hold_key,
    to_json,
)
from nova_watchdog.core.hold.sight import Sight, look
from nova_watchdog.core.hold.timing import Timing
from nova_watchdog.core.model import BusOutcome, HostLoad, Unknown
from nova_watchdog.core.preflight.check import Result
from nova_watchdog.core.preflight.others import others_of
from nova_watchdog.core.preflight.ready import checks_of, node_of
from nova_watchdog.core.preflight.witnesses import Others
from nova_watchdog.core.setup import ComputeIdPlace, options_text

_NODES = HostLoad(0, (NODE,), node_ids=(ID,))
_ELSEWHERE = "rabbit://c:5672/v"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("host", "another-host"),
        ("cluster", "domain-c9.uuid"),
        ("bus", _ELSEWHERE),
        ("compute-id", OTHER_ID),
    ],
)
def test_other_than_a_holder_that_renews_fails(name, value):
    """The holder serves it: who differs would serve something else."""
    check = checks(others=others(**{name: value}))[name]
    assert check.result is Result.FAIL
    assert check.blocks
    assert value in check.detail
    assert check.remedy


@pytest.mark.parametrize("name", ["host", "cluster", "bus", "compute-id"])
def test_the_holder_s_death_alone_makes_no_wrong_standby_right(name):
    """Alone with the old words of a silent holder, and nobody else to ask: it stays blocked."""
    check = checks(others=alone_with(others(silent=True, **{name: "something-else"})))[name]
    assert check.blocks
    if name == "bus":
        assert "silent" in check.detail
    else:
        assert "not read yet" in check.detail


@pytest.mark.parametrize("name", ["host", "cluster", "bus", "compute-id"])
def test_a_silent_holder_s_old_words_block_nobody_where_the_others_agree(name):
    """Nova and ctl3, which renews, say what ctl2 says: the dead holder's record is old."""
    old = others(silent=True, **{name: "something-else"})
    check = checks(others=old, observation=seen(_NODES))[name]
    assert check.result is Result.WARN
    assert not check.blocks


def test_a_silent_holder_whose_word_another_one_shares_still_counts():
    """ctl3 says what the dead holder said: ctl2 is the odd one out."""
    held = others(silent=True, bus=_ELSEWHERE)
    shared = replace(held, identities={**held.identities, "ctl3": TOLD | {"bus": _ELSEWHERE}})
    assert checks(others=shared)["bus"].blocks


def test_nova_s_record_outlives_the_holder():
    """Nova knows the cluster's node and its UUID: a silent holder's other word does not matter."""
    old = alone_with(others(silent=True, cluster="domain-c9.uuid", **{"compute-id": OTHER_ID}))
    found = checks(others=old, observation=seen(_NODES))
    assert not found["cluster"].blocks
    assert not found["compute-id"].blocks
    assert "the holder ctl1 says" in found["compute-id"].detail


@pytest.mark.parametrize("silent", [False, True])
def test_nova_s_record_speaks_against_it(silent):
    """Another cluster or another compute_id than Nova's fails, whatever the holder says."""
    load = HostLoad(0, ("domain-c7.uuid",), node_ids=(OTHER_ID,))
    found = checks(others=others(silent=silent), observation=seen(load))
    assert found["cluster"].blocks
    assert found["compute-id"].blocks


def test_a_host_that_nova_has_no_hypervisor_of_fails():
    """A standby with a wrong host never takes over, also when the holder is gone."""
    wrong = {"host": "wrong"}
    local = replace(PAIRING, host="wrong")
    bench = checks(nova=wrong)
    assert "reload" in bench["host"].remedy  # the daemon still watches the old one
    found = _with_pairing(local, alone_with(others(silent=True)))
    assert found["host"].blocks
    assert "no hypervisor" in found["host"].detail


def test_a_new_cluster_s_host_is_as_the_holder_says():
    """Nova's list may be a minute old; a holder that renews and has the same host knows better."""
    local = replace(LOCAL, hosts={"another-host": _NODES})
    for silent in (False, True):
        found = checks_of(local, others(silent=silent), seen(), STANDBY, KEEPER)
        assert next(check for check in found if check.name == "host").blocks is silent


def test_a_host_that_belongs_to_another_cluster_fails():
    """Nova knows that host, and has another cluster behind it."""
    load = HostLoad(0, ("domain-c7.uuid",))
    old = alone_with(others(silent=True, host="something-else"))
    found = checks(others=old, observation=seen(load))
    assert found["host"].blocks
    assert found["cluster"].blocks


def _with_pairing(pairing, the_others):
    hosts = {PAIRING.host: _NODES}
    local = replace(LOCAL, hosts=hosts, pairing=pairing, nova=reading(replace(NOVA, host=pairing.host), 0.0))
    found = checks_of(local, the_others, seen(_NODES), STANDBY, KEEPER)
    return {check.name: check for check in found}


def test_the_right_bus_is_known_by_its_queue_and_a_conductor():
    """Where the host's queue is and a conductor answers, a silent holder's other word is old."""
    old = alone_with(others(silent=True, bus=_ELSEWHERE))
    assert checks(others=old, observation=seen(bus=right_bus()))["bus"].result is Result.WARN
    assert checks(others=old, observation=seen(bus=right_bus(None)))["bus"].blocks
    down = replace(right_bus(), outcome=BusOutcome.UNREACHABLE)
    assert checks(others=old, observation=seen(bus=down))["bus"].blocks
    live = others(bus=_ELSEWHERE)
    assert checks(others=live, observation=seen(bus=right_bus()))["bus"].blocks


def test_a_bus_that_is_not_understood_is_unknown():
    """Two that are not understood are not the same."""
    assert checks(nova={"bus": ""})["bus"].result is Result.UNKNOWN


def test_a_holder_that_does_not_tell_blocks_nobody():
    """One of an older version says nothing of itself: nothing to compare, and Nova's word is left."""
    mute = Others("ctl2", "ctl1", frozenset({"ctl1"}), {"ctl1": {}})
    found = checks(others=mute, observation=seen(_NODES))
    assert found["bus"].result is Result.UNKNOWN
    assert not any(check.blocks for check in found.values())
    assert checks(others=mute, observation=seen(HostLoad(0, ("x.y",))))["cluster"].blocks


@pytest.mark.parametrize("holder", ["ctl1", ""])
def test_where_nobody_said_anything_yet_it_is_unknown(holder):
    """A daemon that just began, Nova's hypervisors unread, no holder that tells: no proof."""
    found = checks(others=Others("ctl2", holder))
    assert {name for name, check in found.items() if check.blocks} == {"host", "cluster", "compute-id"}
    assert not any(check.blocks for check in checks(others=Others("ctl2", "ctl2")).values())


def test_nobody_s_pairing_is_compared_with_the_others():
    """One other cannot outvote this one, two that agree can."""
    one = Others("ctl2", "", frozenset({"ctl3"}), {"ctl3": TOLD | {"bus": _ELSEWHERE}})
    assert checks(others=one)["bus"].result is Result.WARN
    two = replace(
        one, renews=frozenset({"ctl1", "ctl3"}), identities={**one.identities, "ctl1": {"bus": _ELSEWHERE}}
    )
    assert checks(others=two)["bus"].blocks
    assert checks(others=Others("ctl2"))["bus"].result is Result.PASS


def test_the_holder_itself_is_not_outvoted():
    """What runs is right: the others have to follow."""
    mine = Others(
        "ctl2", "ctl2", frozenset({"ctl1", "ctl3"}), {one: {"bus": _ELSEWHERE} for one in ("ctl1", "ctl3")}
    )
    assert checks(others=mine)["bus"].result is Result.PASS


@pytest.mark.parametrize(
    ("places", "result", "says"),
    [
        ((ComputeIdPlace("/a"), ComputeIdPlace("/b")), Result.FAIL, "no file compute_id in /a, /b"),
        ((ComputeIdPlace("/a", ID), ComputeIdPlace("/b", OTHER_ID)), Result.FAIL, "they differ"),
        (
            (ComputeIdPlace("/a", ID), ComputeIdPlace("/b", problem="holds no UUID")),
            Result.UNKNOWN,
            "no UUID",
        ),
    ],
)
def test_a_compute_id_that_nova_would_not_take_blocks(places, result, says):
    """Missing everywhere, differing, unreadable."""
    check = checks(nova={"places": places})["compute-id"]
    assert check.result is result
    assert check.blocks
    assert says in check.detail


def test_one_place_without_it_is_a_warning_and_a_shared_one_with_it_a_fault():
    """nova-compute starts with one; one that two pairings find is wrong for one of them."""
    one = (ComputeIdPlace("/a", ID), ComputeIdPlace("/b"))
    assert checks(nova={"places": one})["compute-id-places"].result is Result.WARN
    shared = (ComputeIdPlace("/a", ID, shared=True), ComputeIdPlace("/b", ID))
    assert checks(nova={"places": shared})["compute-id-places"].blocks
    shared_without = (ComputeIdPlace("/a", shared=True), ComputeIdPlace("/b", ID))
    assert checks(nova={"places": shared_without})["compute-id-places"].result is Result.PASS
    assert checks(nova={"state_path": None})["compute-id-places"].result is Result.WARN


def test_the_rest_warns_and_names_the_options():
    """Options, CA, version, cache prefix."""
    other = options_text({("vmware", "cache_prefix"): "x", ("vmware", "pbm_enabled"): "true"})
    found = checks(
        others=others(**{"options": other, "ca": "ffff", "nova-version": "33.0.0"}), nova={"cache_prefix": ""}
    )
    assert "[vmware] cache_prefix, [vmware] pbm_enabled" in found["options"].detail
    assert {name for name, check in found.items() if check.result is Result.WARN} == {
        "options",
        "ca",
        "nova-version",
        "cache-prefix",
    }
    assert not any(check.blocks for check in found.values())
    assert checks(others=others(options="1:aaaa"))["options"].result is Result.UNKNOWN


def test_a_cluster_that_vcenter_did_not_tell_is_unknown():
    """Without the canary nobody knows which cluster it is."""
    assert checks(local=replace(LOCAL, node=""))["cluster"].result is Result.UNKNOWN


@pytest.mark.parametrize(
    ("vcenter", "node"),
    [
        (reading(OK, 0.0), "domain-c1.uuid"),
        (reading(replace(OK, clusters={"another": "domain-c1"}), 0.0), ""),
        (reading(replace(OK, instance_uuid=""), 0.0), ""),
        (reading(REFUSED, 0.0), ""),
        (Unknown("no look yet", 0.0), ""),
    ],
)
def test_a_canary_names_the_cluster_as_nova_does(vcenter, node):
    """The cluster's moid and vCenter's own UUID, which is its hypervisor's name; else nothing is claimed."""
    assert node_of(PAIRING, replace(observation(0.0), vcenter=vcenter)) == node


def test_what_cannot_be_read_here_is_not_told_to_the_others():
    """An empty word would be compared with theirs; a missing one is not."""
    unread = replace(LOCAL, nova=Unknown("no such file", 0.0))
    assert unread.identity == {"cluster": NODE, "nova-version": "34.0.0"}
    assert replace(unread, unit=Unknown("no bus", 0.0), node="").identity == {}


def test_what_is_not_known_here_does_not_differ_from_the_holder_s():
    """vCenter without a CA file, nova of an unknown version: the holder tells its own, no warning."""
    found = checks(unit={"nova_version": ""}, nova={"ca": ""})
    for name in ("ca", "nova-version"):
        assert found[name].result is Result.PASS
        assert "not told here" in found[name].detail


def test_what_the_store_shows_of_the_others():
    """The holder, who renews, and each one's words; a fenced or silent one keeps its words."""
    vantage = {PAIRING.name: Vantage(ready=True, identity={"bus": BUS})}
    live = ControllerRecord("i", 1, 15.0, 2.0, vantages=vantage)
    found = {
        controller_key("ctl1"): (to_json(replace(live, fenced=True)), 1),
        controller_key("ctl2"): (to_json(live), 2),
        controller_key("ctl3"): (to_json(live), 3),
        hold_key(PAIRING.name): (to_json(HoldRecord("ctl1", "i", 1)), 4),
    }
    sight = look(Sight(), found, 0.0, 0.0)
    told = others_of(PAIRING.name, "ctl2", sight, Timing(), 1.0)
    assert told == Others(
        "ctl2", "ctl1", frozenset({"ctl2", "ctl3"}), {"ctl1": {"bus": BUS}, "ctl3": {"bus": BUS}}
    )
    assert others_of(PAIRING.name, "ctl2", sight, Timing(), 100.0).renews == frozenset()
    assert others_of("another", "ctl2", sight, Timing(), 1.0).holder == ""


@pytest.mark.parametrize(("cluster", "vcenter"), [("another", PAIRING.vcenter), (PAIRING.cluster, "vc2/x")])
def test_files_that_name_another_cluster_now_fail(cluster, vcenter):
    """The daemon read them when it started; the next nova-compute reads them as they are now."""
    found = checks(nova={"cluster": cluster, "vcenter": vcenter})["cluster"]
    assert found.blocks
    assert cluster in found.detail
    assert "reload" in found.remedy
    assert not checks(nova={"cluster": PAIRING.cluster, "vcenter": PAIRING.vcenter})["cluster"].blocks
