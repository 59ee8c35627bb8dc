"""The fork server's own process: it imports everything once, and forks a worker on each request.

It runs no thread and touches no file, so forking it is safe and takes milliseconds: a worker that was killed is
replaced at once. It is a separate program (`pool.py` says why), and ends when its parent ends, because its pipe closes;
the kernel kills a worker whose fork server is gone.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import resource
import signal
import traceback
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from typing import Any

from nearsight.workers.worker import WorkerJob, limit_threads, run_worker

_PR_SET_PDEATHSIG = 1


def run_fork_server(fd: int) -> None:
    """Receive the job, then fork a worker on each request; the main function of the program."""
    parent = Connection(fd)
    try:
        try:
            job = pickle.loads(parent.recv_bytes())  # noqa: S301 - from our own parent
            limit_threads()
            parent.send("")
        except Exception:
            parent.send(traceback.format_exc(limit=-3))
            return
        _serve_requests(parent, job)
    except (EOFError, OSError):
        return  # the parent is gone


def _serve_requests(parent: Connection, job: WorkerJob[Any, Any]) -> None:
    """Fork and reap workers on request; kill them when the parent is gone."""
    children: set[int] = set()
    ended: dict[int, int] = {}
    try:
        while True:
            order, value = parent.recv()
            for pid in children - {value}:
                _reap_worker(pid, children, ended, os.WNOHANG)
            if order == "fork":
                children.add(pid := _fork_worker(parent, job, memory=value))
                parent.send(pid)
            else:
                _reap_worker(value, children, ended)
                parent.send(ended.pop(value, 0))
    finally:
        for pid in list(children):
            os.kill(pid, signal.SIGKILL)
            _reap_worker(pid, children, ended)


def _reap_worker(pid: int, children: set[int], ended: dict[int, int], options: int = 0) -> None:
    if pid not in children:
        return
    gone, status = os.waitpid(pid, options)
    if gone:
        children.discard(pid)
        ended[pid] = os.waitstatus_to_exitcode(status)


def _fork_worker(parent: Connection, job: WorkerJob[Any, Any], *, memory: int) -> int:
    handle, server_pid = recv_handle(parent), os.getpid()
    pid = os.fork()
    if pid:
        os.close(handle)
        return pid
    try:
        os.close(parent.fileno())
        _confine_worker(server_pid)
        run_worker(Connection(handle), job, memory)
    except BaseException:  # noqa: S110 - nobody is left to tell
        pass
    os._exit(0)


def _confine_worker(parent_pid: int) -> None:
    """No core files; dies with the fork server; leaves Ctrl-C to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(1)
