"""Kernelspecs on a machine's disk: reading, checking in three depths, the library, and the pinned start (design §5)."""
