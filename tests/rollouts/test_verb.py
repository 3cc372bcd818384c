"""`dlstack rollout` and `dlstack rollouts` as they are typed."""

from __future__ import annotations

from tests.conftest import Home

_GP02 = """
from stacks.models import Machine
Machine.objects.create(name="gp02", root="/data0")
"""
REFUSED = {
    ("rollout", "z", "--to", "local"): "“z” is not sealed on local: copy it there first",
    ("rollout", "z", "--to", "local", "gp02"): "with “dlstack copy z --to local gp02”",
    ("rollout", "z", "--to", "nowhere"): "There is no machine “nowhere”",
    ("rollout", "z"): "Say on which machines with --to.",
    ("rollout", "--to", "local"): "Say which version, or --revert.",
    ("rollout", "z", "--revert", "--to", "local"): "--revert takes no version",
    ("rollout", "--revert", "--to", "local"): "no earlier healthy version to go back to on local",
    ("rollout", "--revert", "--to", "local", "--on-failure", "revert"): "A revert is not reverted",
    ("rollout", "z", "--to", "local", "--mark-bad"): "--mark-bad is for --revert",
    ("rollout", "z", "--to", "local", "--canary", "-1"): "numbers of machines",
    ("rollout", "z", "--to", "local", "--pause", "-1"): "in seconds",
    ("rollout", "z", "--to", "local", "--on-failure", "x"): "invalid choice",
    ("rollout", "--resume", "7"): "There is no rollout 7",
    ("rollout", "--cancel", "7"): "There is no rollout 7",
    ("rollout", "z", "--cancel", "7"): "take the id of a rollout and nothing else",
    ("rollout", "--cancel", "7", "--resume", "7"): "not allowed with",
    ("rollouts", "7"): "There is no rollout 7",
    ("rollouts", "--limit", "0"): "--limit must be 1 or more",
}


def test_bad_words_are_one_line(shared_home: Home) -> None:
    shared_home.dlstack("status", check=False)
    shared_home.dlstack("shell", "-c", _GP02)
    for words, says in REFUSED.items():
        done = shared_home.dlstack(*words, check=False)
        assert done.returncode == 2, (words, done.stderr)
        assert says in done.stderr, (words, done.stderr)
        assert done.stderr.count("\n") == 1
    assert shared_home.json("rollouts") == []
    assert shared_home.json("operations") == []
    assert "There was no rollout yet." in shared_home.dlstack("rollouts").stdout
