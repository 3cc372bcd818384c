"""What must be on disk before what: the system calls of a switch and of a written file, in order (invariant 2)."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import REPOSITORY

CALL = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) = 0$")
TRACED = "syncfs,fsync,fdatasync,symlink,symlinkat,link,unlink,unlinkat,rename,renameat,renameat2"


def calls(place: Path, program: str) -> list[tuple[str, str]]:
    """Run a program under strace and give the successful calls: name, and arguments with descriptors as paths."""
    trace = place / "trace"
    command = [
        "strace",
        "-f",
        "-qq",
        "-y",
        "-o",
        str(trace),
        "-e",
        f"trace={TRACED}",
        sys.executable,
        "-B",
        "-c",
        program,
    ]
    subprocess.run(command, cwd=REPOSITORY, check=True)
    found = [CALL.match(line.strip()) for line in trace.read_text().splitlines()]
    return [(match[1], match[2]) for match in found if match and str(place) in match[2]]


def test_a_switch_flushes_the_tree_then_renames_then_flushes_the_directory(tmp_path: Path) -> None:
    (tmp_path / "sw.b").mkdir()
    (tmp_path / "sw").symlink_to("sw.a")
    program = f"""
from pathlib import Path
from stacks.engine import links
root = Path({str(tmp_path)!r})
links.switch(root / "sw", "sw.b", tree=root / "sw.b")
"""
    found = calls(tmp_path, program)
    assert [name for name, _ in found] == ["syncfs", "symlink", "rename", "fsync"]
    assert "/sw.b>" in found[0][1]
    assert found[2][1].endswith(f'"{tmp_path}/sw"')
    assert found[3][1].endswith(f"<{tmp_path}>")


def test_a_file_is_flushed_before_it_takes_its_place_and_its_directory_after(tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
from stacks.engine import durable
durable.write_json(Path({str(tmp_path)!r}) / "intent.json", 1)
"""
    found = calls(tmp_path, program)
    assert [name for name, _ in found] == ["fsync", "rename", "fsync"]
    assert ".intent.json.new-" in found[0][1]
    assert found[2][1].endswith(f"<{tmp_path}>")


def test_a_line_of_the_history_is_flushed(tmp_path: Path) -> None:
    (tmp_path / ".dlstack").mkdir()
    program = f"""
from pathlib import Path
from stacks.engine import journal
from stacks.engine.layout import Layout
journal.append(Layout(Path({str(tmp_path)!r})), {{"operation": "1", "kind": "deploy", "outcome": "succeeded"}})
"""
    assert [name for name, where in calls(tmp_path, program) if "history.jsonl" in where] == ["fsync"]
