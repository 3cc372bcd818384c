"""A kernel of forty lines, which goes wrong in the way that it is told to: python tiny_kernel.py CONNECTION HOW."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sys
import time
import uuid
from typing import Any

import zmq

FILE, HOW = sys.argv[1:3]
with open(FILE, encoding="utf-8") as opened:
    CONNECTION = json.load(opened)
KEY = CONNECTION["key"].encode()


def socket(kind: int, name: str) -> zmq.Socket[bytes]:
    made: zmq.Socket[bytes] = zmq.Context.instance().socket(kind)
    made.bind(f"ipc://{CONNECTION['ip']}-{CONNECTION[f'{name}_port']}")
    return made


def send(to: Any, identities: list[bytes], kind: str, parent: dict[str, Any], content: dict[str, Any]) -> None:
    header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "username": "", "session": "s", "version": "5.3"}
    header["date"] = "2026-01-01T00:00:00Z"
    parts = [json.dumps(item).encode() for item in (header, parent, {}, content)]
    signature = hmac.new(KEY, b"".join(parts), hashlib.sha256).hexdigest().encode()
    if HOW == "rubbish":
        signature = b"nonsense"
    to.send_multipart([*identities, b"<IDS|MSG>", signature, *parts])


def main() -> None:
    shell, iopub = socket(zmq.ROUTER, "shell"), socket(zmq.PUB, "iopub")
    others = [socket(zmq.ROUTER, "control"), socket(zmq.ROUTER, "stdin"), socket(zmq.REP, "hb")]
    print("listening", len(others), file=sys.stderr, flush=True)
    while True:
        parts = shell.recv_multipart()
        at = parts.index(b"<IDS|MSG>")
        identities, header = parts[:at], json.loads(parts[at + 2])
        send(iopub, [b"status"], "status", header, {"execution_state": "busy"})
        if header["msg_type"] == "kernel_info_request":
            info = {"status": "ok", "implementation": "tiny", "language_info": {"name": "python"}, "banner": ""}
            send(shell, identities, "kernel_info_reply", header, {**info, "protocol_version": "5.3"})
        else:
            answer(shell, iopub, identities, header)
        send(iopub, [b"status"], "status", header, {"execution_state": "idle"})


def answer(shell: Any, iopub: Any, identities: list[bytes], header: dict[str, Any]) -> None:
    if HOW == "dies-later":
        os._exit(3)
    if HOW == "sulks":
        time.sleep(600)
    send(iopub, [b"stream"], "stream", header, {"name": "stdout", "text": "41" if HOW == "errs" else "42"})
    send(shell, identities, "execute_reply", header, {"status": "ok", "execution_count": 1})


main()
