"""Our image beside one made as the official one is, in one run: `nox -s bench`; see docs/internals/benchmarks.md."""
