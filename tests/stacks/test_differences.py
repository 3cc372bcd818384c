"""What differs between two versions."""

from __future__ import annotations

from stacks.differences import Listed, as_document, between

A = Listed(
    {"anaconda3": {"numpy": "1.26", "astropy": "6.0", "Zope": "1"}, "old": {"six": "1.0"}},
    [{"name": "python3", "display_name": "Python 3", "environment": "anaconda3"}],
)
B = Listed(
    {"anaconda3": {"numpy": "2.0", "astropy": "6.0", "bokeh": "3.0"}, "new": {"six": "1.0"}},
    [{"name": "python3", "display_name": "Python 3.12", "environment": "anaconda3"}],
)


def test_between() -> None:
    assert as_document(between(A, B)) == {
        "environments": {
            "anaconda3": {"added": {"bokeh": "3.0"}, "removed": {"Zope": "1"}, "changed": {"numpy": ["1.26", "2.0"]}},
            "new": {"added": {"six": "1.0"}, "removed": {}, "changed": {}},
            "old": {"added": {}, "removed": {"six": "1.0"}, "changed": {}},
        },
        "kernelspecs": {
            "added": {},
            "removed": {},
            "changed": {"python3": ["Python 3 (anaconda3)", "Python 3.12 (anaconda3)"]},
        },
    }


def test_counts_and_order() -> None:
    differences = between(A, B)
    assert (differences.added, differences.removed, differences.changed) == (2, 2, 1)
    assert [change.name for change in differences.environments[0].all] == ["bokeh", "numpy", "Zope"]


def test_nothing_differs() -> None:
    assert not between(A, A)
    assert between(A, A).environments == []
    assert not between(Listed(), Listed())
