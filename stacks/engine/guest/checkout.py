"""Check out a commit of a git repository; runs git as the owner, with nothing else of the machine in sight.

Called as: python -I checkout.py ORDERS, a JSON file {"source", "ref", "commit" or "", "place", "script"}; prints
{"commit": …, "executable": whether the script may be run as it is} as one JSON line.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def main(orders: dict[str, Any]) -> None:
    """Carry out the orders; ends with a sentence when there is no such commit or script."""
    os.chdir(orders["place"])
    git("init", "--quiet", "--template=", ".")
    commit = fetch(orders["source"], orders["commit"] or orders["ref"])
    git("checkout", "--quiet", "--detach", commit)
    script = Path(orders["script"])
    if not script.is_file():
        sys.exit(f"error: {orders['source']} has no file {script} at {commit[:12]}")
    print(json.dumps({"commit": commit, "executable": os.access(script, os.X_OK)}))


def fetch(source: str, wanted: str) -> str:
    """Fetch just the wanted branch, tag or commit where the other side lets us, else everything; name its commit."""
    if git("fetch", "--quiet", "--depth=1", "--no-tags", "--", source, wanted, must=False):
        return str(git("rev-parse", "--verify", "--quiet", "FETCH_HEAD^{commit}"))
    print(f"“{wanted}” cannot be fetched alone: fetching everything.", file=sys.stderr)
    git("fetch", "--quiet", "--tags", "--", source, "+refs/heads/*:refs/remotes/origin/*")
    for name in (wanted, f"origin/{wanted}"):
        if commit := git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}", must=False):
            return str(commit)
    sys.exit(f"error: {source} has no branch, tag or commit “{wanted}”")


def git(*arguments: str, must: bool = True) -> str | bool:
    """Run git; gives back what it printed, or whether it went well. Its complaints go to the log when it must."""
    errors = None if must else subprocess.DEVNULL
    done = subprocess.run(["git", *arguments], stdout=subprocess.PIPE, stderr=errors, text=True, check=False)
    if done.returncode != 0 and must:
        sys.exit(f"error: git {arguments[0]} ended with status {done.returncode}")
    return done.stdout.strip() or done.returncode == 0


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text("utf-8")))
