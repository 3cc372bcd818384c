"""Operations: every write to one. Submission and requests by people, the lifecycle by workers, upkeep by everybody."""

from stacks.operations.checks import latest_revision, propose_name, refuse_if_taken
from stacks.operations.choices import Choices, Externals
from stacks.operations.guards import refuse_if_barred
from stacks.operations.keeping import (
    adopt,
    backup,
    configure,
    convert,
    discard,
    keep,
    kept_versions,
    provision,
    prune,
    remove,
    restore,
    verify,
)
from stacks.operations.lifecycle import (
    announce,
    claim,
    document,
    finish,
    heartbeat,
    is_cancel_requested,
    record_log_lines,
    record_steps,
)
from stacks.operations.requests import build, deploy, preview, rebuild, retry, revert, solve
from stacks.operations.schedule import back_up_due, overdue, restore_after_reboot
from stacks.operations.steps import StepRecorder
from stacks.operations.submission import describe, refuse_if_busy, request_cancel, submit
from stacks.operations.upkeep import reap, sweep

__all__ = [
    "Choices",
    "Externals",
    "StepRecorder",
    "adopt",
    "announce",
    "back_up_due",
    "backup",
    "build",
    "claim",
    "configure",
    "convert",
    "deploy",
    "describe",
    "discard",
    "document",
    "finish",
    "heartbeat",
    "is_cancel_requested",
    "keep",
    "kept_versions",
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
    "refuse_if_barred",
    "refuse_if_busy",
    "refuse_if_taken",
    "remove",
    "request_cancel",
    "restore",
    "restore_after_reboot",
    "retry",
    "revert",
    "solve",
    "submit",
    "sweep",
    "verify",
]
