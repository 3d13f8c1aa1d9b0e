"""`transport_url` without its accounts, for people."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

NOT_UNDERSTOOD = "(not understood)"

_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])?(?::[0-9]{1,5})?")
_VHOST = re.compile(r"/?[^/?#@\s]*")


def redact(url: str) -> str:
    """`driver://host:port,host:port/vhost` of an oslo.messaging transport URL.

    A password with an unquoted `@`, `/`, `?`, `#` or `,` moves its pieces into other parts of the URL:
    whatever does not look exactly like the parts of a URL is not shown at all.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return NOT_UNDERSTOOD
    hosts = parts.netloc.split(",")
    with_account = ["@" in host for host in hosts]
    bare = [host.rpartition("@")[2] for host in hosts]
    suspicious = (
        "@" in parts.path + parts.query + parts.fragment
        or bool(parts.fragment)
        or (any(with_account) and not all(with_account))
        or any(host.count("@") > 1 for host in hosts)
        or not all(_HOST.fullmatch(host) for host in bare)
        or not _VHOST.fullmatch(parts.path.removeprefix("/"))
        or not parts.scheme
    )
    if suspicious:
        return NOT_UNDERSTOOD
    return f"{parts.scheme}://{','.join(bare)}{parts.path}"
