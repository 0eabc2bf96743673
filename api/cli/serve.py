"""`arv serve`: the service on this machine, with nothing to configure."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Literal

import typer
import uvicorn

from api.accounts.sign_in import FIRST_NAME, SignIn
from api.app import create_app
from api.cli.app import arv, say
from api.cli.workers import run_workers
from api.conventions import journal
from api.conventions.heap import bound_heap
from api.conventions.patience import PatientProtocol
from api.record_folder import open_record
from api.service import Service
from api.settings import ServiceRefusedError, Settings, settings_for
from api.tokens import digest, issue_token, read_digest
from api.workspace import open_workspace

DRAIN_S = 10
IDLE_CONNECTION_S = 15
MOST_CONNECTIONS = 128
#: Tells the processes of the service how to write their log.
LOG_VARIABLE = "ARV_LOG"


@arv.command()
def serve(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on; loopback only.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8000,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Data directory; default: ARV_DATA_DIR, or your own."),
    ] = None,
    sample: Annotated[
        bool, typer.Option("--sample/--no-sample", help="Fill an empty service with the sample.")
    ] = True,
    new_token: Annotated[
        bool, typer.Option("--new-token", help="Replace the administrator's token and print it.")
    ] = False,
    behind_proxy: Annotated[
        bool,
        typer.Option("--behind-proxy", help="A proxy that ends TLS is in front of the service."),
    ] = False,
    database: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Address of the store; default: ARV_DATABASE_URL, or a file in the data "
            "directory.",
        ),
    ] = None,
    oidc: Annotated[
        Path | None,
        typer.Option(metavar="FILE.toml", help="Identity issuer to believe; see docs/access.md."),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(min=1, max=64, help="Processes that answer; each may run a solve beside."),
    ] = 1,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS",
            help="With --behind-proxy: believe the X-Forwarded-For of this address; default: "
            "this machine.",
        ),
    ] = None,
    log: Annotated[
        Literal["auto", "json", "text"],
        typer.Option(help="Log to standard error; auto is text at a terminal, else JSON."),
    ] = "auto",
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(help="A host name people use for the service; repeat for more."),
    ] = None,
) -> None:
    """Serve the week to browsers and programs, on this machine only.

    The first start prints a token once: sign in with it, or send it as
    `Authorization: Bearer TOKEN`. An empty service shows the synthetic sample first.

    Example: `arv serve --port 8000`
    """
    settings = settings_for(
        data=data,
        host=host,
        port=port,
        behind_proxy=behind_proxy,
        sample=sample,
        names=allowed_host or (),
        database=database,
        oidc=oidc,
        trusted_proxies=trusted_proxy or (),
        workers=workers,
    )
    os.environ[LOG_VARIABLE] = _log_form(log)
    with _private_files(), _listening(settings) as listener:
        token_digest = _token(settings, replace=new_token)
        bound = listener.getsockname()[1]
        _print(f"Data directory: {settings.data_dir}")
        _print(f"Serving on http://{_shown(settings.host)}:{bound}/ (Ctrl-C stops)")
        if settings.workers == 1:
            serve_one(settings, token_digest, listener)
        else:
            run_workers(settings, token_digest, listener, serve_one)
    say("stopped.")


@contextmanager
def _private_files() -> Iterator[None]:
    """Make what is written meanwhile for this account alone, whatever the shell's mask says."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def _token(settings: Settings, *, replace: bool) -> str:
    """Return the digest of the administrator's token; print a new token, once."""
    with open_workspace(settings.data_dir):  # refuses here, before a token is made for nobody
        _first_account(settings)
        kept = read_digest(settings.data_dir)
        if kept is not None and not replace:
            return kept
        token = issue_token(settings.data_dir)
    _print(f"Administrator token (shown once, keep it safe): {token}")
    return digest(token)


def _first_account(settings: Settings) -> None:
    """Make the record and its first administrator; print the one-time password, once."""
    with open_record(settings.data_dir, settings.database) as record:
        once = SignIn(record).first_run()
    if once is not None:
        _print(
            f"First account: {FIRST_NAME}, one-time password (shown once, good for 7 days): {once}"
        )


def _listening(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # Named as TCP, or asyncio leaves Nagle's algorithm on and each small answer waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host.strip("[]"), settings.port))
        listener.listen(MOST_CONNECTIONS)
    except OSError as fault:
        listener.close()
        raise ServiceRefusedError(
            f"cannot listen on {settings.host} port {settings.port} "
            f"({(fault.strerror or str(fault)).lower()})",
            remedy="choose another --port (0 takes a free one), or stop what is using it",
        ) from fault
    return listener


def serve_one(settings: Settings, token_digest: str, listener: socket.socket) -> None:
    """Answer requests in this process until it is told to stop."""
    bound_heap()
    journal.start(as_json=os.environ.get(LOG_VARIABLE, "json") == "json")
    app = create_app(settings, token_digest)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=settings.behind_proxy,
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_keep_alive=IDLE_CONNECTION_S,
        timeout_graceful_shutdown=DRAIN_S,
        limit_concurrency=MOST_CONNECTIONS,
        http=PatientProtocol,
        ws="none",
    )
    _Server(config, app.state.service).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Tells the service first when it is to stop, so that streams end and no more is taken on."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note the stop, then drain as the library does.

        A supervisor's SIGTERM is an order carried out, not a death by it: the status is 0.
        """
        self._service.stopping = True
        if sig == signal.SIGTERM:
            self.should_exit = True
        else:
            super().handle_exit(sig, frame)


def _log_form(asked: str) -> str:
    if asked != "auto":
        return asked
    return "text" if sys.stderr.isatty() else "json"


def _shown(host: str) -> str:
    return f"[{host.strip('[]')}]" if ":" in host else host


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
