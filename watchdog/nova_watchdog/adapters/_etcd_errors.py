"""What a request to one etcd member can come to, other than an answer."""

from __future__ import annotations

# gRPC's codes: unknown, deadline exceeded, resource exhausted, internal, unavailable.
_ELSEWHERE = frozenset({2, 4, 8, 13, 14})
# Said before anything is proposed to the other members (etcd 3.4 and newer).
_NOT_PROPOSED = ("etcdserver: no leader", "etcdserver: too many requests", "raft proposal dropped")
_TOKEN_REFUSED = (
    "etcdserver: invalid auth token",
    "etcdserver: user name is empty",
    "etcdserver: revision of auth store is old",
)
_WITHOUT_ACCOUNTS = "etcdserver: authentication is not enabled"
_WRONG_ACCOUNT = "etcdserver: authentication failed"


class EndpointError(Exception):
    """A member gave no answer of etcd's.

    is_sent: it may have taken the request all the same.
    """

    def __init__(self, reason: str, *, is_sent: bool) -> None:
        super().__init__(reason)
        self.is_sent = is_sent


class RefusedError(Exception):
    """A member answered with an error."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self._reason = reason

    @property
    def is_about_the_token(self) -> bool:
        """A new token helps."""
        return self._reason.startswith(_TOKEN_REFUSED)

    @property
    def is_without_accounts(self) -> bool:
        """etcd asks nobody who he is."""
        return self._reason.startswith(_WITHOUT_ACCOUNTS)

    @property
    def is_wrong_account(self) -> bool:
        """There is no such user, or it has another password."""
        return self._reason.startswith(_WRONG_ACCOUNT)

    @property
    def is_not_proposed(self) -> bool:
        """Nothing of the request can be written."""
        return self._reason.startswith(_NOT_PROPOSED)

    @property
    def helps_elsewhere(self) -> bool:
        """Another member may do better."""
        return self.code in _ELSEWHERE
