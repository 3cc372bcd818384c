"""The command line about kernels."""
