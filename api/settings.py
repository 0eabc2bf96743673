"""What the service is told at start: where its data lie, who may reach it, and its limits."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from platformdirs import user_data_path

from hotspots.errors import InputRefusedError

DATA_DIR_VARIABLE = "ARV_DATA_DIR"
HOSTS_VARIABLE = "ARV_ALLOWED_HOSTS"
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


class ServiceRefusedError(InputRefusedError):
    """The service cannot be started as asked."""


@dataclass(frozen=True)
class Limits:
    """Bounds that keep one request from harming the others.

    Attributes
    ----------
    json_bytes, upload_bytes
        Largest body of an ordinary request and of an upload of feeds.
    upload_files
        Most files in one upload.
    work_slots, work_waiting
        Solves that run at once, and that may wait for a slot before others are turned away.
    solve_s, assess_s
        Longest time limit a planner may ask for, and the deadline of an assessment, in seconds.
    grace_s
        What a solve gets beyond its own time limit to read, verify and draw, in seconds.
    reads_per_minute, changes_per_minute
        Requests that one caller may send in a minute, over all processes of the service.
    """

    json_bytes: int = 2**20
    upload_bytes: int = 256 * 2**20
    upload_files: int = 64
    work_slots: int = 1
    work_waiting: int = 4
    solve_s: float = 600.0
    assess_s: float = 900.0
    grace_s: float = 120.0
    reads_per_minute: int = 6000
    changes_per_minute: int = 1200


@dataclass(frozen=True)
class Settings:
    """One service: its folder, its address, its names and its limits.

    ``database`` is the address of the store (``None``: ``ARV_DATABASE_URL``, or a file in the
    folder); ``oidc`` is the file that names an identity issuer, where there is one.
    ``trusted_proxies`` are the addresses whose ``X-Forwarded-For`` is believed, when there is a
    proxy. ``workers`` is the number of processes; ``shared_memory`` the file they share, set
    when there are several and somebody else owns the data directory for them.
    """

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 8000
    behind_proxy: bool = False
    allowed_hosts: frozenset[str] = LOOPBACK_NAMES
    sample: bool = True
    limits: Limits = field(default_factory=Limits)
    database: str | None = None
    oidc: Path | None = None
    trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    workers: int = 1
    shared_memory: Path | None = None


def settings_for(
    *,
    data: Path | None,
    host: str,
    port: int,
    behind_proxy: bool,
    sample: bool,
    names: Sequence[str] = (),
    database: str | None = None,
    oidc: Path | None = None,
    trusted_proxies: Sequence[str] = (),
    workers: int = 1,
) -> Settings:
    """Return the settings of ``arv serve``.

    Parameters
    ----------
    data
        Data directory; ``None`` means ``ARV_DATA_DIR``, and without it the user's own.
    host, port
        Where to listen.
    behind_proxy
        True when a proxy that ends TLS stands in front, the only way out of this machine.
    names
        Host names people use for the service, beside the loopback names and
        ``ARV_ALLOWED_HOSTS`` (separated by commas).
    database, oidc, trusted_proxies, workers
        See :class:`Settings`; no trusted proxy named means one on this machine.

    Raises
    ------
    ServiceRefusedError
        When the address is not loopback and no proxy was declared.
    """
    if not behind_proxy and not is_loopback(host):
        raise ServiceRefusedError(
            f"--host {host!r} would open the service to the network without TLS",
            remedy="listen on 127.0.0.1, or put a proxy that ends TLS in front and say "
            "--behind-proxy",
        )
    configured = [*names, *os.environ.get(HOSTS_VARIABLE, "").split(",")]
    extra = {name.strip().lower() for name in configured if name.strip()}
    return Settings(
        data_dir=data_directory(data),
        host=host,
        port=port,
        behind_proxy=behind_proxy,
        allowed_hosts=LOOPBACK_NAMES | extra,
        sample=sample,
        database=database,
        oidc=oidc,
        trusted_proxies=_addresses(trusted_proxies) or ("127.0.0.1", "::1"),
        workers=workers,
    )


def _addresses(given: Sequence[str]) -> tuple[str, ...]:
    """Return addresses of proxies after checking that they are addresses."""
    for text in given:
        try:
            ipaddress.ip_address(text)
        except ValueError as fault:
            raise ServiceRefusedError(
                f"--trusted-proxy {text!r} is no address",
                remedy="give the address the proxy connects from, for example 10.0.0.2",
            ) from fault
    return tuple(given)


def data_directory(data: Path | None) -> Path:
    """Return the data directory that was asked for, or the user's own."""
    if data is not None:
        return data.expanduser().absolute()
    if configured := os.environ.get(DATA_DIR_VARIABLE):
        return Path(configured).expanduser().absolute()
    return user_data_path("arv-tasking", appauthor=False)


def is_loopback(host: str) -> bool:
    """Return whether a listening address reaches this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
