"""Logs of operations: written to a spool, followed in Redis, stored in the database; lines are numbered from 1."""

from stacks.logs.capped import Capped
from stacks.logs.finding import Found, errors, search
from stacks.logs.lines import LogLine, plain
from stacks.logs.reading import follow, last_line, read_lines, tail
from stacks.logs.spool import directory as spool_directory
from stacks.logs.spool import operations as spooled_operations
from stacks.logs.stream import publish_state
from stacks.logs.writer import LogWriter, complete

__all__ = [
    "Capped",
    "Found",
    "LogLine",
    "LogWriter",
    "complete",
    "errors",
    "follow",
    "last_line",
    "plain",
    "publish_state",
    "read_lines",
    "search",
    "spool_directory",
    "spooled_operations",
    "tail",
]
