"""Children for multiprocessing to spawn that were forked before, when everything was imported.

A spawned process begins with an import of everything that it needs, which takes a second of the
processor. A spare has that behind it. Else it is the same: nothing but its arguments, pickled, and
the descriptors that go with them.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import socket
import sys
from collections.abc import Sequence
from multiprocessing import util

from tests.support.forking import DESCRIPTORS

SPARE = "ilios-spare"  #: the name of such a process as long as it waits
REQUEST_BYTES = 64 * 1024
MOST_DESCRIPTORS = 16
FORKED = "--multiprocessing-fork"  #: in the command line of what multiprocessing spawns
PR_SET_NAME = 15  #: linux/prctl.h
NAME = "python"


def prepare(count: int) -> None:
    """Fork as many spares; when they are used up, processes are spawned as usual.

    Call it in the main thread, before anything is opened.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    _name(SPARE)  # before they are there: nobody is to take one for more than it is
    for _ in range(count):
        if os.fork() == 0:
            ours.close()
            _wait(theirs)
    _name(NAME)
    _Spares(ours, theirs, count).install()


class _Spares:
    """In the place of what spawns for multiprocessing."""

    def __init__(self, ours: socket.socket, theirs: socket.socket, count: int) -> None:
        self._ours = ours
        self._theirs = theirs  # open even when no spare is left: descriptors are counted
        self._count = count
        self._spawn = util.spawnv_passfds

    def install(self) -> None:
        util.spawnv_passfds = self.spawn  # type: ignore[assignment]  # it is called with these

    def spawn(self, path: bytes, arguments: Sequence[str], descriptors: Sequence[int]) -> int:
        if FORKED not in arguments or not self._count:
            return self._spawn(path, arguments, descriptors)
        self._count -= 1
        code = arguments[arguments.index("-c") + 1]
        request = json.dumps([code, list(descriptors)]).encode()
        socket.send_fds(self._ours, [request], list(descriptors))
        return int(self._ours.recv(32))


def _wait(requests: socket.socket) -> None:
    """Be the next process that is wanted; end when there is nobody to want one."""
    request, received, *_ = socket.recv_fds(requests, REQUEST_BYTES, MOST_DESCRIPTORS)
    if not request:
        os._exit(0)
    _name(NAME)
    code, wanted = json.loads(request)
    requests.send(str(os.getpid()).encode())
    requests.close()
    # They have the numbers here that they had there, for it is these that were pickled.
    above = [fcntl.fcntl(one, fcntl.F_DUPFD, DESCRIPTORS) for one in received]
    os.closerange(3, DESCRIPTORS)
    for one, number in zip(above, wanted, strict=True):
        os.dup2(one, number)
        os.close(one)
    sys.argv[1:] = [FORKED]
    exec(code, {"__name__": "spawned"})  # noqa: S102  # multiprocessing's own


def _name(name: str) -> None:
    ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode())
