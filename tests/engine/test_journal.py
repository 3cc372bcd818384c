from __future__ import annotations

from stacks.engine import journal
from stacks.engine.layout import Layout


def begin(layout: Layout, operation: str = "1") -> None:
    journal.begin(layout, "live", operation=operation, kind="deploy", version="b", previous="a")


def test_an_intent_is_pending_until_its_end(layout: Layout) -> None:
    assert journal.pending(layout, "live") is None
    begin(layout)
    found = journal.pending(layout, "live")
    assert found is not None
    assert (found["operation"], found["version"], found["previous"]) == ("1", "b", "a")
    journal.end(layout, "live", "succeeded")
    assert journal.pending(layout, "live") is None
    assert [entry["outcome"] for entry in journal.history(layout)] == ["succeeded"]


def test_an_end_without_a_beginning_writes_nothing(layout: Layout) -> None:
    journal.end(layout, "live", "succeeded")
    assert journal.history(layout) == []


def test_a_torn_line_costs_only_itself(layout: Layout) -> None:
    begin(layout, "1")
    journal.end(layout, "live", "succeeded")
    with (layout.state / "history.jsonl").open("a") as file:
        file.write('{"operation": "2", "tor')
    begin(layout, "3")
    journal.end(layout, "live", "undone")
    assert [entry["operation"] for entry in journal.history(layout)] == ["1", "3"]
