"""Kernelspecs that are broken, each in one way, with the code that names it and the depth at which it shows."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zmq

from stacks.engine.kernels.checks import Depth
from stacks.engine.layout import Layout

HERE = Path(__file__).parent
CONNECTION = "{connection_file}"
_NAME = f"python{sys.version_info[0]}.{sys.version_info[1]}"
# The owner may not get to the Python that runs the tests, if root installed it at home; the system's own will do.
PYTHON = next(
    (place for place in (Path("/usr/bin", _NAME), Path("/usr/local/bin", _NAME)) if place.is_file()),
    Path(sys.base_prefix).resolve() / "bin" / _NAME,
)


@dataclass(frozen=True)
class Stage:
    """A tree on disk with one environment that has a Python, tools that go wrong, and zmq for the tiny kernel."""

    layout: Layout
    tree: Path

    @property
    def prefix(self) -> str:
        """The environment's prefix."""
        return f"{self.layout.live}/anaconda3"

    @property
    def kernels(self) -> Path:
        """Where the kernelspecs are."""
        return self.tree / "anaconda3/share/jupyter/kernels"

    def program(self, name: str, text: str, mode: int = 0o755) -> str:
        """Put a program into the environment; gives its path at the live path."""
        file = self.tree / "anaconda3/bin" / name
        file.write_text(text)
        file.chmod(mode)
        return f"{self.prefix}/bin/{name}"

    def spec(self, name: str, argv: list[Any], **fields: Any) -> Path:
        """Write a kernelspec; gives its kernel.json."""
        whole = {"argv": argv, "display_name": name.title(), "language": "any", **fields}
        return self.raw(name, json.dumps(whole).encode())

    def raw(self, name: str, data: bytes) -> Path:
        """Write a kernel.json as it stands."""
        file = self.kernels / name / "kernel.json"
        file.parent.mkdir()
        file.write_bytes(data)
        return file

    def tiny(self, name: str, how: str) -> None:
        """Write the kernelspec of the tiny kernel that goes wrong in the way told."""
        argv = [f"{self.prefix}/bin/python", f"{self.prefix}/lib/tiny_kernel.py", CONNECTION, how]
        self.spec(name, argv, language="python", env={"PYTHONPATH": f"{self.prefix}/lib"})


def stage(layout: Layout, tree: Path | None = None) -> Stage:
    """Make the tree, where a version would lie if it is not said where."""
    tree = tree or layout.root / "sw.corpus"
    prefix = tree / "anaconda3"
    for part in ("bin", "lib", "share/jupyter/kernels"):
        (prefix / part).mkdir(parents=True)
    (prefix / "bin/python").symlink_to(PYTHON)
    (prefix / "bin/jupyter-lab").write_text("#!/bin/sh\n")
    (prefix / "pyvenv.cfg").write_text(f"home = {PYTHON.parent}\nversion_info = {sys.version.split()[0]}\n")
    package = Path(zmq.__file__).parent
    for source in (package, package.parent / "pyzmq.libs"):
        if source.is_dir():
            shutil.copytree(source, prefix / "lib" / source.name, ignore=shutil.ignore_patterns("tests", "__pycache__"))
    shutil.copy(HERE / "tiny_kernel.py", prefix / "lib/tiny_kernel.py")
    for path in [tree, *tree.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)
    return Stage(layout, tree)


@dataclass(frozen=True)
class Broken:
    """One broken kernelspec: how it is made, at which depth it shows, and the code that it must get."""

    name: str
    code: str
    make: Callable[[Stage], object]
    depth: Depth = "static"


def _argv(program: str) -> Callable[[Stage], object]:
    return lambda on: on.spec(_name(program), [program.format(root=on.layout.root, prefix=on.prefix), CONNECTION])


def _name(program: str) -> str:
    return NAMES[program]


NAMES = {
    "{prefix}/bin/none": "missing",
    "{root}/sw.2025-01-01/anaconda3/bin/python": "old-version",
    "{root}/sw.tmpfs/x/anaconda3/bin/python": "ramdisk",
    "/data9/sw/anaconda3/bin/python": "other-root",
    "{root}/sw/gone/bin/python": "gone-environment",
    "bin/python": "relative",
    "no-such-program": "nowhere",
}


def _fields(name: str, **fields: Any) -> Callable[[Stage], object]:
    return lambda on: on.spec(name, [f"{on.prefix}/bin/python", CONNECTION], **fields)


def _raw(name: str, data: bytes) -> Callable[[Stage], object]:
    return lambda on: on.raw(name, data)


def _ok(on: Stage, name: str) -> Path:
    return on.spec(name, [f"{on.prefix}/bin/python", CONNECTION])


def _not_executable(on: Stage) -> None:
    on.spec("not-executable", [on.program("data", "1 2 3\n", 0o644), CONNECTION])


def _closed_program(on: Stage) -> None:
    on.spec("closed-program", [on.program("closed", "#!/bin/sh\n", 0o700), CONNECTION])


def _dangling(on: Stage) -> None:
    (on.tree / "anaconda3/bin/dangling").symlink_to("nothing")
    on.spec("dangling", [f"{on.prefix}/bin/dangling", CONNECTION])


def _script(on: Stage) -> None:
    on.spec("script", [on.program("script", "#!/no/such/interpreter\n"), CONNECTION])


def _old_script(on: Stage) -> None:
    interpreter = f"{on.layout.root}/sw.2025-01-01/anaconda3/bin/python"
    on.spec("old-script", [on.program("old-script", f"#!{interpreter} -I\n"), CONNECTION])


def _file_out(on: Stage) -> None:
    (on.kernels / "file-out").mkdir()
    (on.kernels / "file-out/kernel.json").symlink_to("/etc/hostname")


def _directory_out(on: Stage) -> None:
    (on.kernels / "directory-out").symlink_to("/etc")


def _within(on: Stage) -> None:
    (on.kernels / "within").mkdir()
    (on.kernels / "within/kernel.json").symlink_to("../good/kernel.json")


def _pipe(on: Stage) -> None:
    (on.kernels / "pipe").mkdir()
    os.mkfifo(on.kernels / "pipe/kernel.json")


def _clash(on: Stage) -> None:
    _ok(on, "Clash")
    _ok(on, "clash")


def _module(on: Stage, name: str, source: str) -> None:
    (on.tree / f"anaconda3/lib/{name}_kernel.py").write_text(source)
    argv = [f"{on.prefix}/bin/python", "-m", f"{name}_kernel", CONNECTION]
    on.spec(name, argv, env={"PYTHONPATH": f"{on.prefix}/lib"})


def _shell(name: str, text: str) -> Callable[[Stage], object]:
    return lambda on: on.spec(name, [on.program(name, f"#!/bin/sh\n{text}\n"), CONNECTION], language="bash")


def _ipykernel(on: Stage) -> None:
    argv = [f"{on.prefix}/bin/python", "-m", "ipykernel_launcher", "-f", CONNECTION]
    on.spec("no-ipykernel", argv, language="python")


def _absent(on: Stage) -> None:
    on.spec("no-package", [f"{on.prefix}/bin/python", "-m", "some_kernel.main", "-f", CONNECTION])


DEEP = b'{"argv": ' + b"[" * 200_000
CORPUS = (
    Broken("missing", "missing-interpreter", _argv("{prefix}/bin/none")),
    Broken("nowhere", "missing-interpreter", _argv("no-such-program")),
    Broken("dangling", "missing-interpreter", _dangling),
    Broken("script", "missing-interpreter", _script),
    Broken("old-script", "wrong-prefix", _old_script),
    Broken("not-executable", "not-executable", _not_executable),
    Broken("old-version", "wrong-prefix", _argv("{root}/sw.2025-01-01/anaconda3/bin/python")),
    Broken("ramdisk", "wrong-prefix", _argv("{root}/sw.tmpfs/x/anaconda3/bin/python")),
    Broken("other-root", "wrong-prefix", _argv("/data9/sw/anaconda3/bin/python")),
    Broken("gone-environment", "no-environment", _argv("{root}/sw/gone/bin/python")),
    Broken("relative", "relative-interpreter", _argv("bin/python")),
    Broken("bad-json", "bad-json", _raw("bad-json", b'{"argv": [}')),
    Broken("deep", "bad-json", _raw("deep", DEEP)),
    Broken("half", "bad-json", _raw("half", rb'{"display_name": "\ud83d", "\udc00": 1}')),
    Broken("latin", "bad-encoding", _raw("latin", b'{"display_name": "\xe9"}')),
    Broken("list", "no-object", _raw("list", b"[]")),
    Broken("no-argv", "no-argv", _raw("no-argv", b"{}")),
    Broken("numbers", "no-argv", lambda on: on.spec("numbers", [1])),
    Broken("deaf", "no-connection-file", lambda on: on.spec("deaf", [f"{on.prefix}/bin/python"])),
    Broken("huge", "too-large", _raw("huge", b'{"x": "' + b"x" * 5_000_000 + b'"}')),
    Broken("bad-env", "bad-env", _fields("bad-env", env={"A": 1})),
    Broken("bad-mode", "bad-interrupt-mode", _fields("bad-mode", interrupt_mode="never")),
    Broken("bad-metadata", "bad-metadata", _fields("bad-metadata", metadata=[])),
    Broken("file-out", "symlink-out", _file_out),
    Broken("directory-out", "symlink-out", _directory_out),
    Broken("within", "symlink", _within),
    Broken("closed-file", "unreadable", lambda on: _ok(on, "closed-file").chmod(0o600)),
    Broken("closed-directory", "unreadable", lambda on: _ok(on, "closed-directory").parent.chmod(0o700)),
    Broken("closed-program", "unreadable", _closed_program),
    Broken("pipe", "no-file", _pipe),
    Broken("empty", "no-file", lambda on: (on.kernels / "empty").mkdir()),
    Broken("clash", "name-clash", _clash),
    Broken("bad name", "bad-name", lambda on: _ok(on, "bad name")),
    Broken("no-ipykernel", "no-ipykernel", _ipykernel, "interpreter"),
    Broken("no-package", "no-kernel-package", _absent, "interpreter"),
    Broken("import-fails", "import-fails", lambda on: _module(on, "fails", "raise ValueError('no')"), "interpreter"),
    Broken("import-hangs", "hangs", lambda on: _module(on, "sleeps", "import time; time.sleep(600)"), "interpreter"),
    Broken("crashes", "crashes", lambda on: _module(on, "crashes", "import os; os.abort()"), "interpreter"),
    Broken("hangs", "hangs", _shell("hangs", "echo still here >&2; kill -STOP $$"), "launch"),
    Broken("hangs-silently", "hangs", _shell("hangs-silently", "sleep 600"), "launch"),
    Broken("dies", "died", _shell("dies", "echo oh no >&2; exit 7"), "launch"),
    Broken("prints-rubbish", "rubbish", _shell("prints-rubbish", "exec yes"), "launch"),
    Broken("answers-rubbish", "rubbish", lambda on: on.tiny("answers-rubbish", "rubbish"), "launch"),
    Broken("dies-later", "died-after-start", lambda on: on.tiny("dies-later", "dies-later"), "launch"),
    Broken("sulks", "no-answer", lambda on: on.tiny("sulks", "sulks"), "launch"),
    Broken("errs", "wrong-answer", lambda on: on.tiny("errs", "errs"), "launch"),
)
