"""Start a program that may read and write some places alone: landlocked.py [--read PATH]… [--write PATH]… -- PROGRAM …

A worker without root cannot make a mount namespace and keep its capabilities in it; Landlock needs no right at all, and
holds against CAP_DAC_OVERRIDE too. It is run as a script of its own, so that the worker is not restricted itself.
"""

from __future__ import annotations

import argparse
import ctypes
import os

OLDEST = 2  # version of the interface: the first that lets hard links cross directories
_CREATE, _ADD, _RESTRICT = 444, 445, 446  # system calls, of these numbers everywhere
_EXECUTE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 2, 1 << 3
_NAMED = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # how many rights each version knows
_BENEATH = 1
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
_LOADER = ("/etc/ld.so.cache", "/etc/ld.so.preload")
_libc = ctypes.CDLL(None, use_errno=True)


class _Ruleset(ctypes.Structure):
    _fields_ = [("handled", ctypes.c_uint64)]


class _Rule(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def version() -> int:
    """Tell which version of Landlock's interface this kernel has, 0 for none."""
    return max(0, int(_libc.syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1))))


def restrict(readable: list[str], writable: list[str]) -> None:
    """Take from this process all access to files but to the system's programs and these; raises OSError."""
    everything = (1 << _NAMED[min(version(), max(_NAMED))]) - 1
    attribute = _Ruleset(everything)
    size = ctypes.c_size_t(ctypes.sizeof(attribute))
    ruleset = _checked(_libc.syscall(_CREATE, ctypes.byref(attribute), size, ctypes.c_uint32(0)))
    look = _READ_FILE | _READ_DIR
    for path in (*_SYSTEM, *_LOADER):
        _allow(ruleset, path, look | _EXECUTE, missing=True)
    for path in readable:
        _allow(ruleset, path, look)
    for path in writable:
        _allow(ruleset, path, everything & ~_EXECUTE)
    _allow(ruleset, os.devnull, look | 1 << 1)
    _checked(_libc.prctl(38, 1, 0, 0, 0))  # PR_SET_NO_NEW_PRIVS, without which nobody may restrict himself
    _checked(_libc.syscall(_RESTRICT, ruleset, ctypes.c_uint32(0)))
    os.close(ruleset)


def _allow(ruleset: int, path: str, access: int, *, missing: bool = False) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        if missing:
            return
        raise
    if not os.path.isdir(f"/proc/self/fd/{place}"):
        access &= _EXECUTE | _READ_FILE | 1 << 1 | 1 << 14
    rule = _Rule(access, place)
    _checked(_libc.syscall(_ADD, ruleset, _BENEATH, ctypes.byref(rule), ctypes.c_uint32(0)))
    os.close(place)


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def main() -> None:
    """Restrict this process and become the program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--read", action="append", default=[])
    parser.add_argument("--write", action="append", default=[])
    parser.add_argument("program", nargs="+")
    asked = parser.parse_args()
    restrict(asked.read, asked.write)
    os.execvp(asked.program[0], asked.program)  # noqa: S606 — a list of arguments, no shell


if __name__ == "__main__":
    main()
