"""Work shared out among processes, one for each core: orders go in as lines of JSON, and answers come out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Self

from tests.conftest import REPOSITORY

Order = dict[str, Any]
Answer = dict[str, Any]


class Crews:
    """Processes of a module, by default as many as there are cores, which answer orders; ended with the block."""

    def __init__(self, *module: str, number: int = os.cpu_count() or 1) -> None:
        self._begun = [_begin(module) for _ in range(number)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._begun:
            process.communicate(timeout=60)

    def do(self, orders: Iterable[Order]) -> list[tuple[Order, Answer]]:
        """Have all orders answered, each by whoever is free."""
        waiting: SimpleQueue[Order] = SimpleQueue()
        for order in orders:
            waiting.put(order)
        with ThreadPoolExecutor(len(self._begun)) as threads:
            shares = [threads.submit(_work, process, waiting) for process in self._begun]
            try:
                return [answered for share in shares for answered in share.result()]
            except BaseException:  # Ctrl-C too: what is done now is ended, what waits is not begun
                _empty(waiting)
                raise


def _empty(waiting: SimpleQueue[Order]) -> None:
    with suppress(Empty):
        while True:
            waiting.get_nowait()


def _begin(module: Sequence[str]) -> subprocess.Popen[str]:
    *before, name = module
    argv = [*before, sys.executable, "-m", name]
    return subprocess.Popen(argv, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _work(process: subprocess.Popen[str], waiting: SimpleQueue[Order]) -> list[tuple[Order, Answer]]:
    answered: list[tuple[Order, Answer]] = []
    while True:
        try:
            order = waiting.get_nowait()
        except Empty:
            return answered
        if process.stdin is None or process.stdout is None:
            raise AssertionError("it was begun with pipes")
        print(json.dumps(order), file=process.stdin, flush=True)
        answered.append((order, json.loads(process.stdout.readline() or "null") or {}))
        if not answered[-1][1]:
            raise AssertionError(f"whoever was to answer {order} ended with {process.wait()}")
