"""Operations: every write to one. Submission and requests by people, the lifecycle by workers, upkeep by everybody."""

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
from stacks.operations.requests import (
    build,
    deploy,
    latest_revision,
    preview,
    propose_name,
    refuse_if_taken,
    retry,
    revert,
)
from stacks.operations.steps import StepRecorder
from stacks.operations.submission import describe, request_cancel, submit
from stacks.operations.upkeep import reap, sweep

__all__ = [
    "StepRecorder",
    "announce",
    "build",
    "claim",
    "deploy",
    "describe",
    "document",
    "finish",
    "heartbeat",
    "is_cancel_requested",
    "latest_revision",
    "preview",
    "propose_name",
    "reap",
    "record_log_lines",
    "record_steps",
    "refuse_if_taken",
    "request_cancel",
    "retry",
    "revert",
    "submit",
    "sweep",
]
