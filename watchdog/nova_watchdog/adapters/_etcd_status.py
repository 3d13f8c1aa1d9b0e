"""What etcd's members say of their databases: each has a file and a quota of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nova_watchdog.core.kv import printable
from nova_watchdog.core.store_size import StoreSize, fullest
from nova_watchdog.ports import ProbeError

from ._etcd_gateway import Gateway
from ._etcd_words import NONSENSE

_PATH = "/v3/maintenance/status"
_LARGEST = 2**63 - 1
# `memberID:443629905751424238 alarm:NOSPACE `; beside alarms there may be other errors: no leader.
_ALARM = re.compile(r"\balarm:\s*([A-Z]{1,20})\b")


async def read_size(gateway: Gateway) -> StoreSize:
    """The fullest of the members that answer. Raises ProbeError where none does.

    It is asked beside the renewals: it logs in nowhere, and whoever is silent is silent for it alone.
    """
    found, problems = list[StoreSize](), list[str]()
    for url, answer in (await gateway.ask_each(_PATH, {})).items():
        if isinstance(answer, str):
            problems.append(f"{url}: {answer}")
            continue
        try:
            found.append(_size(answer))
        except NONSENSE:
            problems.append(f"{url}: the answer tells no size")
    if not found:
        raise ProbeError(printable(f"etcd: {'; '.join(problems)}"))
    return fullest(found)


def _size(answer: Mapping[str, Any]) -> StoreSize:
    """Raises NONSENSE. What is 0 may be left out."""
    size, quota = _number(answer["dbSize"]), _number(answer.get("dbSizeQuota", 0))  # the quota: from 3.6 on
    if size <= 0:
        raise ValueError(size)
    alarms = {name for text in answer.get("errors", ()) for name in _ALARM.findall(text)}
    return StoreSize(
        size_bytes=size,
        in_use_bytes=max(0, _number(answer.get("dbSizeInUse", 0))),
        quota_bytes=quota if quota > 0 else None,  # below 0: etcd has none
        alarms=tuple(sorted(alarms)),
    )


def _number(told: object) -> int:
    """The gateway has 64-bit numbers as text. Raises ValueError for anything else."""
    number = int(str(told))
    if abs(number) > _LARGEST:
        raise ValueError(number)
    return number
