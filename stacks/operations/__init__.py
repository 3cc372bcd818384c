"""Operations: every write to one. Submission and requests by people, the lifecycle by workers, upkeep by everybody."""

from stacks.operations.checks import latest_revision, propose_name, refuse_if_taken
from stacks.operations.choices import Choices, Externals
from stacks.operations.concluding import conclude
from stacks.operations.copying import claim, copy, version_named, waiting
from stacks.operations.guards import refuse_if_barred, refuse_unless_allowed, right_for
from stacks.operations.keeping import (
    adopt,
    backup,
    configure,
    convert,
    discard,
    keep,
    known_now,
    provision,
    prune,
    remove,
    restore,
    verify,
)
from stacks.operations.lifecycle import (
    add_to_message,
    announce,
    document,
    finish,
    heartbeat,
    is_cancel_requested,
    is_running,
    record_log_lines,
    record_steps,
    refuse,
)
from stacks.operations.moment import ends_within
from stacks.operations.requests import build, deploy, preview, rebuild, retry, revert, solve
from stacks.operations.restored import end_unfinished
from stacks.operations.schedule import back_up_due, overdue, restore_after_reboot
from stacks.operations.steps import StepRecorder
from stacks.operations.submission import describe, refuse_if_busy, request_cancel, submit
from stacks.operations.upkeep import is_unheeded, reap, sweep

__all__ = [
    "Choices",
    "Externals",
    "StepRecorder",
    "add_to_message",
    "adopt",
    "announce",
    "back_up_due",
    "backup",
    "build",
    "claim",
    "conclude",
    "configure",
    "convert",
    "copy",
    "deploy",
    "describe",
    "discard",
    "document",
    "end_unfinished",
    "ends_within",
    "finish",
    "heartbeat",
    "is_cancel_requested",
    "is_running",
    "is_unheeded",
    "keep",
    "known_now",
    "latest_revision",
    "overdue",
    "preview",
    "propose_name",
    "provision",
    "prune",
    "reap",
    "rebuild",
    "record_log_lines",
    "record_steps",
    "refuse",
    "refuse_if_barred",
    "refuse_if_busy",
    "refuse_if_taken",
    "refuse_unless_allowed",
    "remove",
    "request_cancel",
    "restore",
    "restore_after_reboot",
    "retry",
    "revert",
    "right_for",
    "solve",
    "submit",
    "sweep",
    "verify",
    "version_named",
    "waiting",
]
