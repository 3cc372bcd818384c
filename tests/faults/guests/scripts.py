"""What hostile builds run: Python scripts, each with a `#!` line put before it."""

from __future__ import annotations

IGNORING = """
import signal
for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
"""
WAIT = """
import os, subprocess, sys, threading, time
print("ready", flush=True)
while True:
    time.sleep(600)
"""
DAEMONS = """
import os, time
for _ in range(20):
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.closerange(0, 64)
        os.chdir("/")
        while True:
            time.sleep(600)
"""
FORKS = """
import os, time
print("ready", flush=True)
for _ in range(400):
    if os.fork() == 0:
        os.setsid()
        time.sleep(0.2)
time.sleep(600)
"""
ORPHANS = """
import os, time
print("ready", flush=True)
if os.fork() == 0:
    os.setsid()
    time.sleep(600)
"""
NAMESPACES = "import subprocess\nsubprocess.Popen(['unshare', '-Urpf', '--mount-proc', 'sleep', '600'])\n"
THREADS = "import threading, time\nfor _ in range(60): threading.Thread(target=time.sleep, args=(600,)).start()\n"
HOSTILE = {
    "ignores every signal": IGNORING + WAIT,
    "leaves daemons": DAEMONS + IGNORING + WAIT,
    "calls itself something else": f"import os\nos.execv('/usr/bin/python3', ['[kworker]', '-c', {IGNORING + WAIT!r}])",
    "stops itself": "import os, signal\nif os.fork() == 0: os.kill(os.getpid(), signal.SIGSTOP)\n" + WAIT,
    "makes namespaces of its own": NAMESPACES + WAIT,
    "forks on and on": FORKS,
    "has many threads": THREADS + WAIT,
    "ends and leaves the rest": ORPHANS,
}

EATER = """
import time
eaten = []
while True:
    eaten.append(b"x" * 20_000_000)
    time.sleep(0.05)
"""
SHARERS = """
import os, time
for _ in range(4):
    if os.fork() == 0:
        eaten = b"x" * 120_000_000
        time.sleep(600)
time.sleep(600)
"""
TMP = """
import time
for place in ("/tmp/a", "/dev/shm/b"):
    with open(place, "wb") as file:
        for _ in range(25):
            file.write(b"x" * 10_000_000)
            time.sleep(0.02)
time.sleep(600)
"""
BOMB = """
import os, time
for _ in range(3000):
    try:
        if os.fork() == 0:
            time.sleep(600)
    except BlockingIOError:
        break
time.sleep(600)
"""
THREAD_BOMB = """
import threading, time
for _ in range(3000):
    try:
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    except RuntimeError:
        break
time.sleep(600)
"""
PROMPT = """
import sys, time
sys.stdout.write("Do you accept the licence? [yes/no] ")
sys.stdout.flush()
while not sys.stdin.readline():
    time.sleep(1)
"""
FILLER = """
import time
with open("big", "wb") as file:
    for _ in range(400):
        file.write(b"x" * 20_000_000)
        file.flush()
        time.sleep(0.05)
"""
TALKER = "import time\nwhile True:\n    print('still here', flush=True)\n    time.sleep(0.1)\n"
HANG = "import time\nprint('Compiling …', flush=True)\ntime.sleep(600)\n"
FRUGAL = """
import os, time
shared = b"x" * 200_000_000
for _ in range(12):
    if os.fork() == 0:
        time.sleep(2)
        os._exit(0)
time.sleep(1.5)
os.mkdir("anaconda3")
"""
