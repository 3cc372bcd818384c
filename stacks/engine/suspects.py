"""What a line of output looks like in which a program tells of an error."""

from __future__ import annotations

import re

SUSPECT = re.compile(
    r"^\s*([×✗] |E:|ERROR\b|Error:|error:|FATAL\b|fatal:|Traceback \(most recent call last\))"
    r"|\b\w*(Error|Exception): |: error: |: fatal error: |\*\*\* .*Error \d+"
    r"|command not found|No such file or directory|Permission denied|[Cc]ould not find a version"
    r"|curl: \(\d+\)|Failed building wheel|Failed to |\bFAILED\b|non-zero exit status|Segmentation fault"
)
