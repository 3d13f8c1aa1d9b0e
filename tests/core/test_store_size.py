"""From when on a human is told that the store fills."""

from __future__ import annotations

import pytest

from nova_watchdog.core.store_size import StoreSize, fullest

GIB = 1024**3


@pytest.mark.parametrize(
    ("size_bytes", "quota_bytes", "is_filling"),
    [
        (GIB, None, False),
        (3 * GIB // 2, None, False),
        (3 * GIB // 2 + 1, None, True),
        (3 * GIB, 8 * GIB, False),
        (7 * GIB, 8 * GIB, True),
        (900, 1000, True),
    ],
)
def test_three_quarters_of_the_quota_are_too_much(size_bytes, quota_bytes, is_filling):
    """Of etcd's own quota where it tells none."""
    assert StoreSize(size_bytes, 1, quota_bytes).is_filling is is_filling


def test_the_fullest_is_the_one_that_reaches_its_quota_first():
    """Not the largest; and an alarm is everybody's."""
    large, full = StoreSize(4 * GIB, 5, 8 * GIB, ("NOSPACE",)), StoreSize(GIB, 7, GIB, ("CORRUPT",))
    assert fullest([large, full]) == StoreSize(GIB, 7, GIB, ("CORRUPT", "NOSPACE"))


def test_without_any_there_is_no_picture():
    """The adapter says why instead."""
    with pytest.raises(ValueError, match="empty"):
        fullest([])
