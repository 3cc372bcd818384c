"""Run a program whose network is a proxy alone: python -I -S through.py DESCRIPTOR PORT PROGRAM ARGUMENT…

Where the sandbox has no network, a port of its own loopback is opened, and handed out of the sandbox through the socket
DESCRIPTOR: whoever takes it there answers what the program asks for. Nothing else of this is left when it begins.

As python -I -S through.py - PORT HOST PORT it joins its own standard input and output to a connection through that
proxy, for programs that know none (ssh).
"""

from __future__ import annotations

import os
import socket
import sys

_LOOPBACK = "127.0.0.1"


def begin(descriptor: int, port: int, argv: list[str]) -> None:
    """Hand out the listening socket and become the program."""
    with socket.create_server((_LOOPBACK, port), backlog=128) as listener, socket.socket(fileno=descriptor) as gate:
        socket.send_fds(gate, [b"\0"], [listener.fileno()])
    os.execvp(argv[0], argv)  # noqa: S606 — that is what is wanted


def join(port: int, host: str, target: str) -> int:
    """Ask the proxy for a connection and pass bytes both ways; gives back 0 when it was made."""
    with socket.create_connection((_LOOPBACK, port)) as proxy:
        proxy.sendall(f"CONNECT {host}:{target} HTTP/1.1\r\nHost: {host}:{target}\r\n\r\n".encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            byte = proxy.recv(1)
            if not byte:
                break
            answer += byte
        if answer.split()[1:2] != [b"200"]:
            print(answer.decode(errors="replace").partition("\r\n")[0], file=sys.stderr)
            return 1
        import threading  # not for every guest, which would wait for it

        threading.Thread(target=send_all, args=(proxy,), daemon=True).start()
        while data := proxy.recv(65536):
            os.write(1, data)
    return 0


def send_all(proxy: socket.socket) -> None:
    """Pass on what comes from standard input, and its end."""
    while data := os.read(0, 65536):
        proxy.sendall(data)
    proxy.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    if sys.argv[1] == "-":
        sys.exit(join(int(sys.argv[2]), *sys.argv[3:5]))
    begin(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
