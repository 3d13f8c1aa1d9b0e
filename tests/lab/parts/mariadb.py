"""MariaDB: the databases of Keystone, Placement and Nova. Without a password: only the lab reaches it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pymysql

from lab.parts import endpoints
from lab.processes import Service
from lab.topology import SERVERS_ADDRESS

if TYPE_CHECKING:
    from pathlib import Path

    from lab.site import Site

DATABASES = ("keystone", "placement", "nova_api", "nova", "nova_cell0")
_USER = "lab"


def url(database: str) -> str:
    """SQLAlchemy's connection URL."""
    return f"mysql+pymysql://{_USER}@{SERVERS_ADDRESS}:{endpoints.MARIADB_PORT}/{database}?charset=utf8"


def connect(database: str | None = None) -> pymysql.Connection[pymysql.cursors.Cursor]:
    """A connection that sees each commit at once (autocommit) and never waits longer than two seconds."""
    return pymysql.connect(
        host=SERVERS_ADDRESS,
        port=endpoints.MARIADB_PORT,
        user=_USER,
        database=database,
        autocommit=True,
        connect_timeout=2,
        read_timeout=2,
        ssl_disabled=True,  # else each connection loads the machine's certificates
    )


def data_directory(site: Site) -> Path:
    """Where the databases lie while the lab runs."""
    return site.private("mariadb")


def initialise(site: Site) -> None:
    """Make an empty data directory with the lab's user and databases."""
    subprocess.run(
        [
            "mariadb-install-db",
            "--no-defaults",
            "--user=root",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            f"--datadir={data_directory(site)}",
        ],
        check=True,
        capture_output=True,
    )
    statements = [f"CREATE DATABASE {name} CHARACTER SET utf8;" for name in DATABASES]
    statements += [f"CREATE USER {_USER}@'%';", f"GRANT ALL ON *.* TO {_USER}@'%';"]
    subprocess.run(
        ["mariadbd", *_options(site), "--bootstrap"],
        input="FLUSH PRIVILEGES;\n" + "\n".join(statements),
        text=True,
        check=True,
        capture_output=True,
    )


def _options(site: Site) -> list[str]:
    return [
        "--no-defaults",
        "--user=root",
        f"--datadir={data_directory(site)}",
        f"--socket={site.private('run')}/mariadb.sock",
        f"--pid-file={site.private('run')}/mariadb.pid",
        f"--bind-address={SERVERS_ADDRESS}",
        f"--port={endpoints.MARIADB_PORT}",
        "--skip-name-resolve",
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-buffer-pool-size=64M",
        "--innodb-log-file-size=8M",
        "--performance-schema=off",
        "--max-connections=400",
    ]


def service(site: Site) -> Service:
    """The server."""
    return Service("mariadb", ["mariadbd", *_options(site)], site.log("mariadb"), _answers)


def _answers() -> bool:
    try:
        connect().close()
    except pymysql.Error:
        return False
    return True
