"""Bundles: all that DLStack itself has on record, as one file from which an empty database is filled."""

from stacks.bundles.reading import Bundle, opened
from stacks.bundles.restoring import restore
from stacks.bundles.writing import write

__all__ = ["Bundle", "opened", "restore", "write"]
