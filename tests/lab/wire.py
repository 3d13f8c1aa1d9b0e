"""Talking to the supervisor: one JSON object a line over a unix socket, one answer for each request."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

from lab.errors import LabError

if TYPE_CHECKING:
    from pathlib import Path


def request(path: Path, operation: str, *, timeout_s: float = 60.0, **arguments: Any) -> Any:
    """Ask the supervisor for `operation`; its answer, or LabError with its reason."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        try:
            connection.connect(str(path))
            connection.sendall((json.dumps({"operation": operation, **arguments}) + "\n").encode())
            with connection.makefile("rb") as stream:
                line = stream.readline()
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise LabError("the lab is not running (`make lab-up` starts it)") from error
        except TimeoutError as error:
            raise LabError(
                f"the lab's supervisor did not answer {operation!r} within {timeout_s:g} s"
            ) from error
        except ConnectionError as error:
            raise LabError(f"the lab's supervisor hung up on {operation!r}: {error}") from error
    if not line:
        raise LabError(f"the lab's supervisor ended while it worked on {operation!r}")
    answer = json.loads(line)
    if "error" in answer:
        raise LabError(answer["error"])
    return answer["result"]
