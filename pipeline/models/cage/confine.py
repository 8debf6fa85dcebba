"""Confine this very process, for good, by what the Linux kernel enforces; nothing but the standard library is needed.

Landlock (Linux 6.2 or later) rules which files can be opened, a seccomp filter refuses system calls, resource limits bound
processor time, memory, files and their size. None of them can be taken back from inside, whoever the user is. This module
is also loaded by its path, in a bare interpreter that knows nothing of ours.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct
import sys
from collections.abc import Iterable, Iterator, Mapping

Numbers = tuple[int | None, int | None]

ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Of a machine: its column in the table of system calls, and its name in a seccomp filter."""
LEAST_LANDLOCK = 3
LANDLOCK_CREATE, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT = 444, 445, 446
PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 22, 24, 38
SIGKILL = 9
# Landlock's rights: read a file, list a folder, and what a process may do in a folder of its own.
READ_FILE, READ_DIR = 1 << 2, 1 << 3
OWN_FOLDER = READ_FILE | READ_DIR | 1 << 1 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 12 | 1 << 14
HANDLED = (1 << 15) - 1
HANDLED_NETWORK, SCOPED = 3, 3
# The instructions of a seccomp filter, and what it may return.
LOAD, JUMP_EQUAL, JUMP_GREATER, JUMP_SET, RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000, 0x80000000
EPERM, ENOSYS = 1, 38
CLONE_THREAD = 0x00010000
# Who owns a file is sent a signal when there is something to read, which would reach a process of the same user.
FCNTL, IOCTL = (72, 25), (16, 29)
SET_OWNER, SET_OWNER_BY_IOCTL = (8, 10, 15), (0x8901, 0x8902)


class Uncaged(Exception):
    """This machine cannot confine a process; the text says what it lacks."""


def what_is_lacking() -> str:
    """Why no process can be confined on this machine, or the empty text."""
    if sys.platform != "linux" or platform.machine() not in ARCHITECTURES:
        return f"it needs Linux on x86-64 or 64-bit ARM, and this is {sys.platform} on {platform.machine()}"
    version = ctypes.CDLL(None).syscall(LANDLOCK_CREATE, None, 0, 1)
    if version < LEAST_LANDLOCK:
        return "it needs Linux 6.2 or later with Landlock switched on, and a container that lets it be used"
    return ""


def confine(
    refused: Mapping[str, Mapping[str, Numbers]],
    clone: Numbers,
    clone3: Numbers,
    newest: int,
    *,
    readable: Iterable[str],
    listable: Iterable[str],
    own_folder: str | None,
) -> None:
    """Lock this process in; raises `Uncaged` where the kernel does not do as asked.

    From here on it opens no file but below `readable` and in `own_folder`, lists no folder but those and `listable`,
    starts no process, has no socket but pairs of its own, touches no other process, and dies with its parent.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    _asked(libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "die with its parent")
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    _drop_capabilities(libc)
    _asked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "give up privileges")
    _restrict_files(libc, readable, listable, own_folder)
    column, architecture = ARCHITECTURES[platform.machine()]
    numbers = sorted(
        number for group in refused.values() for both in group.values() if (number := both[column]) is not None
    )
    by_second_argument = {FCNTL[column]: SET_OWNER, IOCTL[column]: SET_OWNER_BY_IOCTL}
    _filter_calls(libc, architecture, numbers, clone[column], clone3[column], newest, by_second_argument)


def limit(*, cpu_seconds: int, memory_mib: int, file_bytes: int, files: int) -> None:
    """Bound what this process may use: processor time, address space beyond what it has now, file size, open files."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        has_now = int(statm.read().split()[0]) * resource.getpagesize()
    # At the soft limit of processor time a signal says why the process ends; at the hard one it ends all the same.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    for kind, most in (
        (resource.RLIMIT_AS, has_now + memory_mib * 2**20),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_NOFILE, files),
        (resource.RLIMIT_CORE, 0),
    ):
        ceiling = resource.getrlimit(kind)[1]
        most = most if ceiling == resource.RLIM_INFINITY else min(most, ceiling)
        resource.setrlimit(kind, (most, most))


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    """A process of root's keeps its name and loses its powers."""
    header = ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0))
    _asked(libc.capset(header, ctypes.create_string_buffer(24)), "give up capabilities")


def _restrict_files(
    libc: ctypes.CDLL, readable: Iterable[str], listable: Iterable[str], own_folder: str | None
) -> None:
    version = libc.syscall(LANDLOCK_CREATE, None, 0, 1)
    handled = HANDLED if version < 5 else HANDLED | 1 << 15
    attributes = struct.pack("=Q", handled)
    if version >= 4:
        attributes += struct.pack("=Q", HANDLED_NETWORK)
    if version >= 6:
        attributes += struct.pack("=Q", SCOPED)
    ruleset = libc.syscall(LANDLOCK_CREATE, attributes, len(attributes), 0)
    _asked(ruleset, "make rules for files")
    for path, rights in _rules(readable, listable, own_folder):
        try:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue  # what is not there needs no rule
        rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, place))
        _asked(libc.syscall(LANDLOCK_ADD_RULE, ruleset, 1, rule, 0), f"allow {path}")
        os.close(place)
    _asked(libc.syscall(LANDLOCK_RESTRICT, ruleset, 0), "restrict files")
    os.close(ruleset)


def _rules(readable: Iterable[str], listable: Iterable[str], own_folder: str | None) -> Iterator[tuple[str, int]]:
    for path in readable:
        yield path, READ_FILE | READ_DIR if os.path.isdir(path) else READ_FILE
    for path in listable:
        yield path, READ_DIR
    if own_folder is not None:
        yield own_folder, OWN_FOLDER


def _filter_calls(
    libc: ctypes.CDLL,
    architecture: int,
    refused: Iterable[int],
    clone: int | None,
    clone3: int | None,
    newest: int,
    by_second_argument: Mapping[int, Iterable[int]],
) -> None:
    def step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
        return struct.pack("=HBBI", code, yes, no, value)

    refuse = step(RETURN, REFUSE | EPERM)
    program = [
        step(LOAD, 4), step(JUMP_EQUAL, architecture, 1), step(RETURN, KILL),
        step(LOAD, 0),
        step(JUMP_GREATER, newest, 0, 1), step(RETURN, REFUSE | ENOSYS),
        step(JUMP_EQUAL, clone3 or 0, 0, 1), step(RETURN, REFUSE | ENOSYS),
        # Threads may be started: their first argument has a flag that a new process has not.
        step(JUMP_EQUAL, clone or 0, 0, 4), step(LOAD, 16), step(JUMP_SET, CLONE_THREAD, 0, 1), step(RETURN, ALLOW), refuse,
    ]  # fmt: skip
    for number in refused:
        program += [step(JUMP_EQUAL, number, 0, 1), refuse]
    for number, seconds in by_second_argument.items():
        checks = [part for value in seconds for part in (step(JUMP_EQUAL, value, 0, 1), refuse)]
        program += [step(JUMP_EQUAL, number, 0, len(checks) + 2), step(LOAD, 24), *checks, step(RETURN, ALLOW)]
    program.append(step(RETURN, ALLOW))
    code = ctypes.create_string_buffer(b"".join(program))
    filter_program = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(code)))
    _asked(libc.prctl(PR_SET_SECCOMP, 2, filter_program, 0, 0), "filter system calls")


def _asked(result: int, what: str) -> None:
    if result < 0:
        raise Uncaged(f"the kernel did not let it {what} ({os.strerror(ctypes.get_errno())})")
