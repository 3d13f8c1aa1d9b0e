"""What each follower makes of what it sees, look by look."""

from __future__ import annotations

from dataclasses import replace

from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.hold.holding import Holding
from nova_watchdog.core.operation import Ending
from nova_watchdog.core.snapshot import PairingSnapshot
from nova_watchdog.runtime.followers import Follower, GiveFollower, RestartFollower, TakeFollower
from telemetry import pictures
from telemetry.story import RUNNING, Story, ended

MINE = Holding(Claim.MINE, until_s=99.0, holder="ctl1", epoch=3, rule="H13", why="held here")
STOPPING = replace(MINE, until_s=None, rule="H10", why="given")
STOPPED = replace(STOPPING, rule="H11")
RESERVED = Holding(Claim.RESERVED, epoch=3, rule="H31", why="released for another one: wait for it")
THEIRS = Holding(Claim.HELD, holder="ctl2", epoch=4, rule="H30", why="another controller holds it")


class Seen:
    """What the daemon shows at one moment."""

    def __init__(self, holding: Holding = MINE, story: Story | None = None) -> None:
        self.holding = holding
        self.story = story
        self.renewals = 0
        self.served = ("ctl1", 3)

    def shown(self) -> PairingSnapshot | None:
        return self.story.shown() if self.story else None

    def give(self) -> GiveFollower:
        return GiveFollower("ctl1", lambda: self.holding, lambda: self.served, lambda: self.renewals)

    def take(self) -> TakeFollower:
        return TakeFollower("ctl1", lambda: self.holding, self.shown)

    def restart(self) -> RestartFollower:
        return RestartFollower("a" * 32, self.shown, lambda: self.holding)


def look(follower: Follower) -> list[object]:
    """The phases and endings of one look."""
    return [what for what, _ in follower.look()]


def test_the_way_of_a_pairing_to_another_controller() -> None:
    """Each phase once, however often it is looked at."""
    seen = Seen(story=pictures.healthy())
    follower = seen.give()
    told = []
    for holding in (MINE, STOPPING, STOPPING, STOPPED, RESERVED, RESERVED, THEIRS, THEIRS):
        seen.holding = holding
        told += look(follower)
    assert told == ["stopping", "stopped", "released", "taken"]
    assert follower.so_far() == "ctl2 holds it, and has not said yet that it works there"


def test_only_the_new_holder_s_word_counts() -> None:
    """Not Nova's last report, which may be the old process's, nor that of an earlier hold."""
    seen = Seen(THEIRS)
    follower = seen.give()
    assert look(follower) == ["taken"]
    for other in (("ctl2", 3), ("ctl3", 4)):
        seen.served = other
        assert look(follower) == []
    seen.served = ("ctl2", 4)
    assert look(follower) == ["works", Ending.DONE]


def test_a_third_controller_that_takes_it_is_told() -> None:
    """The second one could not make it work."""
    seen = Seen(story=pictures.healthy())
    follower = seen.give()
    seen.holding = THEIRS
    look(follower)
    seen.holding = replace(THEIRS, holder="ctl3", epoch=5)
    assert list(follower.look()) == [("taken", "ctl3 holds it, epoch 5")]


def test_it_is_kept_where_no_standby_is_left() -> None:
    """Before the stop began, and after it."""
    kept = replace(MINE, rule="H12", why="no standby is ready")
    for before in (MINE, STOPPING):
        seen = Seen()
        follower = seen.give()
        seen.holding = before
        look(follower)
        seen.holding = kept
        assert list(follower.look()) == [(Ending.REFUSED, "kept on ctl1: no standby is ready")]


def test_a_rule_that_stood_there_before_the_wish_says_nothing_about_it() -> None:
    """The daemon may have wished in vain itself; after some renewals it was decided all the same."""
    seen = Seen(replace(MINE, rule="H12", why="no standby is ready"))
    follower = seen.give()
    assert look(follower) == []
    seen.renewals = 4
    assert look(follower) == [Ending.UNKNOWN]
    assert "ctl1 still holds it; no standby is ready" in follower.so_far()


def test_it_comes_back_where_nobody_takes_it() -> None:
    """A wait, and then the same holder in another epoch."""
    seen = Seen()
    follower = seen.give()
    seen.holding = replace(RESERVED, claim=Claim.FREE, why="free to take")
    assert list(follower.look()) == [("waiting", "free to take")]
    assert follower.so_far() == "ctl1 released it, and nobody has taken it: free to take"
    seen.holding = replace(MINE, epoch=4)
    assert look(follower) == [Ending.REFUSED]


def test_what_is_taken_here_is_told_to_its_first_report() -> None:
    """Each reason to wait, then the judgements of its loop."""
    seen = Seen(Holding(Claim.SILENT, rule="H41", why="not watched for long enough"), pictures.healthy())
    follower = seen.take()
    assert look(follower) == ["waiting"]
    assert follower.so_far() == "not taken: not watched for long enough"
    assert look(follower) == []
    seen.holding = MINE
    story = pictures.killed()
    seen.story = story
    assert look(follower) == ["taken", "judged"]
    assert "ctl1 holds it, and it is process-down" in follower.so_far()
    seen.story = pictures.healthy()
    assert look(follower) == ["started", "heartbeat", Ending.DONE]


def test_what_somebody_else_takes_meanwhile_is_not_taken_here() -> None:
    """And what is lost again was not taken for good."""
    seen = Seen(THEIRS)
    assert look(seen.take()) == [Ending.REFUSED]
    seen.holding = MINE
    follower = seen.take()
    assert look(follower) == ["taken"]
    seen.holding = THEIRS
    assert look(follower) == [Ending.UNKNOWN]
    assert follower.so_far() == "not taken: another controller holds it"


def test_a_restart_from_the_old_process_to_the_new_one() -> None:
    """A moment without any is between them, and is not judged while systemd works on it."""
    story = pictures.healthy()
    seen = Seen(story=story)
    follower = seen.restart()
    assert look(follower) == []
    story.unit = replace(RUNNING, job="restart")
    story.tick(31.0)
    assert look(follower) == ["stopping"]
    story.unit = replace(ended(32.0), job="start")
    story.tick(32.0, beat=False)
    assert look(follower) == ["stopped"]
    story.unit = replace(RUNNING, invocation_id="b" * 32, started_at_s=33.0, changed_at_s=33.0)
    story.tick(33.0, beat=False)
    assert look(follower) == ["started", "judged"]
    for at_s in (34.0, 44.0):
        story.tick(at_s)
    assert look(follower) == ["heartbeat", Ending.DONE]


def test_a_restart_that_ends_without_a_new_process_is_judged() -> None:
    """The start was refused: the daemon goes on by its rules."""
    story = pictures.healthy()
    seen = Seen(story=story)
    follower = seen.restart()
    story.unit = ended(32.0)
    story.tick(33.0, beat=False)
    assert look(follower) == ["stopped", "judged"]
    assert "process-down" in follower.so_far()


def test_what_cannot_be_seen_is_waited_for() -> None:
    """No look at the pairing, or none at its unit."""
    seen = Seen()
    assert look(seen.restart()) == []
    assert seen.restart().so_far() == "it is not watched any more"
    seen.story = pictures.healthy()
    seen.story.unit_unknown = "no bus"
    seen.story.tick(31.0)
    assert look(seen.restart()) == []


def test_a_restart_ends_where_the_hold_does() -> None:
    """What runs now is another controller's."""
    assert look(Seen(THEIRS, pictures.healthy()).restart()) == [Ending.UNKNOWN]
