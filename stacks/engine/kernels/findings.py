"""What is found wrong with a kernelspec: all of it, each with a stable code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to say of a kernelspec; `code` is stable, `field` names the part of kernel.json that it is about.

    While there is an error, users cannot start the kernel, or do not find it.
    """

    severity: Severity
    code: str
    message: str
    field: str = ""

    def plain(self) -> dict[str, str]:
        """Give it as JSON types."""
        return asdict(self)


def error(code: str, message: str, field: str = "") -> Finding:
    """Make an error."""
    return Finding("error", code, message, field)


def warning(code: str, message: str, field: str = "") -> Finding:
    """Make a warning."""
    return Finding("warning", code, message, field)


def info(code: str, message: str, field: str = "") -> Finding:
    """Make a remark."""
    return Finding("info", code, message, field)


def first_error(findings: Sequence[Finding]) -> Finding | None:
    """Give the first error, None where there is none."""
    return next((finding for finding in findings if finding.severity == "error"), None)
