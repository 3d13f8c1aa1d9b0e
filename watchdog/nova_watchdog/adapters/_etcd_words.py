"""Keys and values as etcd's JSON gateway has them: base64 of bytes, numbers as text, zeros left out."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from nova_watchdog.ports import StoreUnavailableError, Versioned

# A record is some hundred bytes a pairing: what is larger is not ours.
MAX_VALUE_BYTES = 64 * 1024
# etcd's own bound (--max-txn-ops) on comparisons and on operations.
MAX_OPERATIONS = 128
# What goes wrong when an answer is not what etcd's gateway says.
NONSENSE = (KeyError, TypeError, ValueError, AttributeError, RecursionError)

_LAST_BYTE = 0xFF


def encoded(content: bytes) -> str:
    """Bytes as the gateway takes them."""
    return base64.b64encode(content).decode("ascii")


def range_of(prefix: str) -> dict[str, str]:
    """`key` and `range_end` of everything below a prefix that is not empty."""
    begin = prefix.encode()
    kept = begin.rstrip(bytes([_LAST_BYTE]))
    return {"key": encoded(begin), "range_end": encoded(kept[:-1] + bytes([kept[-1] + 1]))}


def key_of(entry: Mapping[str, Any], prefix: str) -> str:
    """The key of an entry without the prefix. One that is no UTF-8 is shown with its bytes escaped."""
    return base64.b64decode(entry["key"]).decode(errors="backslashreplace").removeprefix(prefix)


def revision_of(entry: Mapping[str, Any]) -> int:
    """The revision of an entry's last change."""
    return int(entry["mod_revision"])


def versioned(entry: Mapping[str, Any]) -> Versioned:
    """The record in an entry. What is none becomes one that no reader accepts, and says why.

    Torn or foreign, it must not hide the records beside it.
    """
    content = base64.b64decode(entry.get("value", ""))
    value, problem = _object(content)
    if value is None:
        # The digest keeps two of them apart: a revision may be given twice when a store is restored.
        value = {"format": problem, "sha256": hashlib.sha256(content).hexdigest()}
    return Versioned(value, revision_of(entry))


def _object(content: bytes) -> tuple[Mapping[str, Any] | None, str]:
    if len(content) > MAX_VALUE_BYTES:
        return None, f"{len(content)} bytes, more than {MAX_VALUE_BYTES}"
    try:
        value = json.loads(content.decode())
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()  # half a surrogate pair, NaN
    except (ValueError, RecursionError):
        return None, "no JSON"
    return (value, "") if isinstance(value, dict) else (None, "no JSON object")


def transaction(
    prefix: str, expected: Mapping[str, int], puts: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Write all of `puts` if every key of `expected` is at its revision; else tell at which ones they are.

    Raises StoreUnavailableError for what etcd would refuse, or no reader would read.
    """
    if max(len(expected), len(puts)) > MAX_OPERATIONS:
        raise StoreUnavailableError(
            f"a transaction of more than {MAX_OPERATIONS} records; nothing is written"
        )
    return {
        "compare": [_comparison(encoded((prefix + key).encode()), rev) for key, rev in expected.items()],
        "success": [
            {"requestPut": {"key": encoded((prefix + key).encode()), "value": _content(key, value)}}
            for key, value in puts.items()
        ],
        "failure": [
            {"requestRange": {"key": encoded((prefix + key).encode()), "keys_only": True}} for key in expected
        ],
    }


def _comparison(key: str, revision: int) -> dict[str, str]:
    if revision == 0:
        return {"key": key, "target": "CREATE", "result": "EQUAL", "create_revision": "0"}
    return {"key": key, "target": "MOD", "result": "EQUAL", "mod_revision": str(revision)}


def _content(key: str, value: Mapping[str, Any]) -> str:
    content = json.dumps(dict(value), separators=(",", ":")).encode()
    if len(content) > MAX_VALUE_BYTES:
        raise StoreUnavailableError(
            f"{key} has {len(content)} bytes, allowed are {MAX_VALUE_BYTES}; nothing is written"
        )
    return encoded(content)


def changed_keys(answer: Mapping[str, Any], expected: Mapping[str, int]) -> list[str]:
    """The compared keys whose revision is another one, from the answer of a transaction that failed."""
    found = []
    for (key, revision), response in zip(expected.items(), answer.get("responses", ()), strict=False):
        entries = response.get("response_range", {}).get("kvs", ())
        if (revision_of(entries[0]) if entries else 0) != revision:
            found.append(key)
    return found or list(expected)
