"""The store that several controllers share: etcd v3 over its JSON gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from nova_watchdog.core.store_size import StoreSize
from nova_watchdog.ports import Clock, StoreConflictError, StoreUnavailableError, Versioned

from ._etcd_gateway import Gateway
from ._etcd_login import Account
from ._etcd_status import read_size
from ._etcd_tls import TlsFiles
from ._etcd_watch import Watches
from ._etcd_words import NONSENSE, changed_keys, key_of, range_of, transaction, versioned

__all__ = ["Account", "EtcdStore", "TlsFiles"]

_NONSENSE = "etcd: the answer is not one of its gateway"


class EtcdStore:
    """`ports.Store` on an etcd cluster.

    endpoints: `http(s)://HOST:PORT` of its members, in the order in which they are asked.
    prefix: before every key, ends with `/`.
    timeout_s: the bound of one request, however many members it tries.
    """

    def __init__(
        self,
        endpoints: Sequence[str],
        prefix: str,
        clock: Clock,
        *,
        account: Account | None = None,
        tls: TlsFiles | None = None,
        timeout_s: float = 3.0,
    ) -> None:
        self._prefix = prefix
        self._gateway = Gateway(
            endpoints, clock, prefix=prefix, account=account, tls=tls or TlsFiles(), timeout_s=timeout_s
        )
        self._watches = Watches(self._gateway, prefix)

    async def read(self, prefix: str) -> Mapping[str, Versioned]:
        """Every record whose key starts with `prefix`. Raises StoreUnavailableError.

        A value that is no record of ours, or too large for one, comes as a record that no reader accepts.
        """
        answer = await self._gateway.ask("/v3/kv/range", range_of(self._prefix + prefix), may_repeat=True)
        try:
            return {key_of(entry, self._prefix): versioned(entry) for entry in answer.get("kvs", ())}
        except NONSENSE as error:
            raise StoreUnavailableError(_NONSENSE) from error

    async def commit(self, expected: Mapping[str, int], puts: Mapping[str, Mapping[str, Any]]) -> int:
        """Write all of `puts` if every key of `expected` is still at that revision (0: absent).

        Returns the new revision. Raises StoreConflictError (nothing written), StoreUnavailableError
        (may be written or not).
        """
        body = transaction(self._prefix, expected, puts)
        answer = await self._gateway.ask("/v3/kv/txn", body, may_repeat=False)
        try:
            if answer.get("succeeded"):
                return int(answer["header"]["revision"])
            changed = changed_keys(answer, expected)
        except NONSENSE as error:
            raise StoreUnavailableError(_NONSENSE) from error
        raise StoreConflictError(f"{', '.join(changed)}: another revision than expected")

    def watch(self, prefix: str) -> AsyncIterator[str]:
        """Yield the key of each change below `prefix`: at first of all that exist. May repeat and merge.

        After close, and after an error that nobody foresaw, it raises.
        """
        return self._watches.begin(prefix)

    async def size(self) -> StoreSize:
        """What the fullest member says of its database. Raises ProbeError. It delays nothing else."""
        return await read_size(self._gateway)

    async def close(self) -> None:
        """End the watches and close the connections. Whatever is asked after that fails."""
        await self._watches.close()
        await self._gateway.close()
