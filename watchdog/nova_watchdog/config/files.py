"""Why a file cannot be read, and what would help: the words of an operator, not of errno."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path

Words = tuple[str, str]  # what is wrong, as the rest of a sentence about the path; what is allowed


def is_directory(path: Path) -> bool:
    """Whether it is one, as far as this process can see.

    Path.is_dir raises where a directory above may not be entered; that is told by `unreadable`.
    """
    try:
        return path.is_dir()
    except OSError:
        return False


def unreadable(path: Path, *, group: str) -> Words | None:
    """Why this process cannot read the regular file, or None when it can.

    `group` is the group that such a file usually belongs to, for the remedy.
    """
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            # Opening a FIFO would wait for its writer for ever.
            return ("is a directory" if stat.S_ISDIR(mode) else "is no regular file"), "a regular file"
        path.open("rb").close()
    except OSError as error:
        return explain(path, error, group=group)
    except ValueError:  # from the interpreter, before it asks the kernel
        return "holds a zero byte", "the path of a readable file"
    return None


def explain(path: Path, error: OSError, *, group: str) -> Words:
    """What is wrong with the path according to the error, and what would be right."""
    if isinstance(error, PermissionError):
        return _explain_permission(path, group)
    if isinstance(error, FileNotFoundError):
        # PermissionError comes before this one: every parent can be asked.
        missing = next((parent for parent in reversed(path.parents) if not parent.exists()), None)
        wrong = "does not exist" if missing is None else f"does not exist, nor does the directory {missing}"
        return wrong, "a readable file"
    return f"cannot be read ({error.strerror})", "a readable file"


def _explain_permission(path: Path, group: str) -> Words:
    user = name_of_user()
    for directory in reversed(path.parents):
        if not os.access(directory, os.X_OK, effective_ids=True):
            wrong = f"lies in {directory}, which user {user} may not enter ({_ownership(directory)})"
            return wrong, _remedy(directory, user, group, entering=True)
    return f"is not readable for user {user} ({_ownership(path)})", _remedy(path, user, group, entering=False)


def _remedy(path: Path, user: str, group: str, *, entering: bool) -> str:
    """A command that lets the user's group read, without letting everyone."""
    bit, mode = (stat.S_IXGRP, "0750") if entering else (stat.S_IRGRP, "0640")
    info = path.stat()
    if info.st_gid != 0 and info.st_mode & bit:
        return f"user {user} in that group: usermod -aG {_name_of_group(info.st_gid)} {user}, then a restart"
    return f"readable for that user's group: chgrp {group} {path}; chmod {mode} {path}"


def _ownership(path: Path) -> str:
    info = path.stat()
    return f"{stat.S_IMODE(info.st_mode):04o} {name_of_user(info.st_uid)}:{_name_of_group(info.st_gid)}"


def _name_of_group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def name_of_user(uid: int | None = None) -> str:
    """The user's name, or its number when it has none; this process's own by default."""
    number = os.geteuid() if uid is None else uid
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
