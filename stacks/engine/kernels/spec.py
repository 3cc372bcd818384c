"""Reading one kernel.json and saying all that is wrong with it (the schema of jupyter_client)."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stacks.engine import walking
from stacks.engine.errors import Refused
from stacks.engine.kernels.findings import Finding, error, info, warning

LARGEST = 1024 * 1024  # bytes of a kernel.json
KNOWN = frozenset(
    {"argv", "display_name", "language", "interrupt_mode", "env", "metadata", "kernel_protocol_version", "mimetype"}
)
# jupyter_client's rule, but that a path must never come of it.
_NAME = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,100}")
_FILLED = frozenset({"connection_file", "resource_dir", "prefix"})
_PLACE = re.compile(r"\{([A-Za-z0-9_]+)\}")
_MARKUP = re.compile(r"<\s*[A-Za-z!/?]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Read:
    """A kernel.json as it was read: its bytes, the `spec` in it ({} when there is none), and what there is to say."""

    data: bytes = b""
    spec: dict[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def check_name(name: str) -> str:
    """Give back a kernelspec's name; raise Refused when it is not one, so that no path ever comes of it."""
    if not _NAME.fullmatch(name):
        raise Refused(
            f"“{name[:120]}” cannot name a kernelspec: use letters, digits, “.”, “_” and “-”, "
            "not beginning with “.”, 100 at most."
        )
    return name


def read(file: Path, *, beneath: Path | None = None) -> Read:
    """Read a kernel.json; neither a symlink is followed nor a pipe opened, nor any symlink on the way from `beneath`.

    That is the tree that it lies in: parts of it may be another owner's, who could lead us anywhere.
    """
    top = beneath or file.parent
    try:
        descriptor = walking.open_beneath(top, file.relative_to(top))
    except OSError as problem:
        return Read(findings=(_unopened(problem),))
    with os.fdopen(descriptor, "rb") as opened:
        return parse(opened.read(LARGEST + 1))


def _unopened(problem: OSError) -> Finding:
    if problem.errno in (errno.ESTALE, errno.EISDIR, errno.ENXIO):
        return error("no-file", "kernel.json is no file: put a file there.")
    if problem.errno == errno.ENOTDIR:
        return error("symlink", "kernel.json cannot be read: a directory above it is a symlink, which is not followed.")
    if problem.errno == errno.ELOOP:
        return error("symlink", "kernel.json cannot be read: it is a symlink, which is not followed. Copy the file.")
    if problem.errno == errno.ENOENT:
        return error("no-file", "kernel.json cannot be read: there is none.")
    return error("unreadable", f"kernel.json cannot be read: {problem.strerror}.")


def parse(data: bytes) -> Read:
    """Read the content of a kernel.json."""
    if len(data) > LARGEST:
        return Read(findings=(error("too-large", "kernel.json is larger than 1 MB."),))
    repeated: list[str] = []
    try:
        found = json.loads(data.decode(), object_pairs_hook=lambda pairs: _object(pairs, repeated))
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError as problem:
        half = f"\\u{ord(problem.object[problem.start]):04x}"
        return Read(data, findings=(error("bad-json", f"kernel.json has half of a character: {half}, alone."),))
    except UnicodeDecodeError as problem:
        return Read(data, findings=(error("bad-encoding", f"kernel.json is not UTF-8: byte {problem.start}."),))
    except json.JSONDecodeError as problem:
        where = f"line {problem.lineno}, column {problem.colno}"
        return Read(data, findings=(error("bad-json", f"kernel.json is no valid JSON: {problem.msg} in {where}."),))
    except RecursionError:
        return Read(data, findings=(error("bad-json", "kernel.json is no valid JSON: it is nested too deeply."),))
    except ValueError:  # Python reads no number of more than 4,300 digits
        return Read(data, findings=(error("bad-json", "kernel.json has a number that is too long to be read."),))
    if not isinstance(found, dict):
        return Read(data, findings=(error("no-object", "kernel.json has no “argv”: it must be an object {…}."),))
    twice = [warning("repeated", f"“{name}” is there twice; the last one counts.", name) for name in repeated]
    return Read(data, found, (*validate(found), *twice))


def _object(pairs: list[tuple[str, Any]], repeated: list[str]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        repeated.extend(name for name in found if names.count(name) > 1)
    return found


def validate(spec: dict[str, Any]) -> list[Finding]:
    """Say all that is wrong with a kernelspec, in the order of its fields."""
    found = [finding for check in _CHECKS for finding in check(spec)]
    unknown = sorted(set(spec) - KNOWN - {"name"})
    return found + [
        warning("unknown-field", f"“{name[:60]}” is no field of a kernelspec: Jupyter passes it over.", name[:60])
        for name in unknown
    ]


def _argv(spec: dict[str, Any]) -> Iterator[Finding]:
    argv = spec.get("argv")
    if not isinstance(argv, list) or not argv or not all(isinstance(word, str) for word in argv):
        yield error("no-argv", "kernel.json has no “argv”: a list of strings that starts the kernel.", "argv")
        return
    if not argv[0] or any("\0" in word for word in argv):
        yield error("no-argv", "“argv” must begin with a program, and hold no zero byte.", "argv")
    if not any("{connection_file}" in word for word in argv):
        message = "“argv” does not hold {connection_file}: the kernel would not know where to connect."
        yield error("no-connection-file", message, "argv")
    for name in sorted({name for word in argv for name in _PLACE.findall(word)} - _FILLED):
        yield info("not-filled", f"“argv” holds {{{name}}}, which Jupyter leaves as it is.", "argv")


def _display_name(spec: dict[str, Any]) -> Iterator[Finding]:
    name = spec.get("display_name", "")
    if not isinstance(name, str):
        yield error("bad-display-name", "“display_name” must be a string.", "display_name")
    elif not name.strip():
        yield warning("no-display-name", "There is no “display_name”: users see an empty tile.", "display_name")
    elif _MARKUP.search(name):
        yield warning("markup", "“display_name” holds markup: write plain text.", "display_name")
    elif _CONTROL.search(name):
        message = "“display_name” holds control characters: write plain text on one line."
        yield warning("control-characters", message, "display_name")
    elif len(name) > 200:
        yield warning("long-display-name", "“display_name” has more than 200 characters.", "display_name")


def _language(spec: dict[str, Any]) -> Iterator[Finding]:
    language = spec.get("language", "")
    if not isinstance(language, str):
        yield error("bad-language", "“language” must be a string.", "language")
    elif not language.strip():
        yield warning("no-language", "There is no “language”: notebooks cannot be matched with the kernel.", "language")


def _interrupt_mode(spec: dict[str, Any]) -> Iterator[Finding]:
    mode = spec.get("interrupt_mode", "signal")
    if not isinstance(mode, str) or mode.lower() not in ("signal", "message"):
        yield error("bad-interrupt-mode", "“interrupt_mode” must be “signal” or “message”.", "interrupt_mode")


def _env(spec: dict[str, Any]) -> Iterator[Finding]:
    env = spec.get("env", {})
    if not isinstance(env, dict) or not all(isinstance(value, str) for value in env.values()):
        yield error("bad-env", "“env” must map names to strings.", "env")
        return
    for name in env:
        if not _VARIABLE.fullmatch(name) or "\0" in env[name]:
            yield error("bad-env", f"“{name[:60]}” in “env” cannot be a variable.", "env")


def _metadata(spec: dict[str, Any]) -> Iterator[Finding]:
    if not isinstance(spec.get("metadata", {}), dict):
        yield error("bad-metadata", "“metadata” must be an object {…}.", "metadata")


_CHECKS: tuple[Callable[[dict[str, Any]], Iterator[Finding]], ...] = (
    *(_argv, _display_name, _language),
    *(_interrupt_mode, _env, _metadata),
)
