"""Several processes of one service: they share its port, its data directory and its end."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

from api.conventions.metrics import FOLDER_VARIABLE
from api.conventions.once_rows import forget_cut_off
from api.conventions.shared_memory import make_shared_file
from api.jobs.runner import take_up
from api.jobs.shelf import JobShelf
from api.record_folder import open_record
from api.settings import ServiceRefusedError, Settings
from api.workspace import open_workspace

#: More sudden ends than this within the window, and the service stops instead of starting anew.
MOST_ENDS, ENDS_WINDOW_S = 10, 60.0
LAST_WAIT_S = 20.0

Run = Callable[[Settings, str, socket.socket], None]


def run_workers(settings: Settings, token_digest: str, listener: socket.socket, run: Run) -> None:
    """Run the service in ``settings.workers`` processes until it is told to stop.

    Parameters
    ----------
    settings, token_digest, listener
        What every process serves, with what, and where.
    run
        What one process does; a function of a module, so that it can be named to it.

    Raises
    ------
    ServiceRefusedError
        When another service owns the data directory, or the processes keep ending.
    """
    context = multiprocessing.get_context("spawn")
    with (
        open_workspace(settings.data_dir),
        tempfile.TemporaryDirectory(prefix="arv-metrics-") as counts,
    ):
        os.environ[FOLDER_VARIABLE] = counts
        with open_record(settings.data_dir, settings.database) as record:
            take_up(JobShelf(record), settings.data_dir)
            forget_cut_off(record)
        shared = replace(settings, shared_memory=make_shared_file(settings.data_dir))

        def start(number: int) -> BaseProcess:
            own = shared if number == 0 else replace(shared, sample=False)
            process = context.Process(target=_work, args=(run, own, token_digest, listener))
            process.start()
            return process

        _keep_running(start, settings.workers)


def _work(run: Run, settings: Settings, token_digest: str, listener: socket.socket) -> None:
    """Do what one process does; stop when the one that started it is gone."""
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    run(settings, token_digest, listener)


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _keep_running(start: Callable[[int], BaseProcess], number: int) -> None:
    """Start processes, replace those that end, and end them all when told to."""
    told = threading.Event()
    ours, theirs = socket.socketpair()

    def stop(_signal: int, _frame: object) -> None:
        told.set()
        theirs.send(b"s")

    before = {one: signal.signal(one, stop) for one in (signal.SIGTERM, signal.SIGINT)}
    running = {index: start(index) for index in range(number)}
    ends: list[float] = []
    try:
        while not told.is_set():
            wait([ours, *(process.sentinel for process in running.values())])
            for index, process in list(running.items()):
                if not told.is_set() and not process.is_alive():
                    ends = [at for at in ends if time.monotonic() - at < ENDS_WINDOW_S]
                    ends.append(time.monotonic())
                    _check_ends(len(ends))
                    running[index] = start(index)
    finally:
        _end_all(list(running.values()))
        for one, handler in before.items():
            signal.signal(one, handler)


def _check_ends(number: int) -> None:
    if number > MOST_ENDS:
        raise ServiceRefusedError(
            f"the processes of the service ended {number} times within {ENDS_WINDOW_S:.0f} s",
            remedy="read the log above for the reason",
        )


def _end_all(processes: list[BaseProcess]) -> None:
    for process in processes:
        process.terminate()
    end = time.monotonic() + LAST_WAIT_S
    for process in processes:
        process.join(max(0.1, end - time.monotonic()))
        if process.is_alive():
            process.kill()
            process.join()
