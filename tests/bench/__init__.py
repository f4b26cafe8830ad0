"""Our image beside one made as the official one is, measured in one run: `nox -s bench`, see docs/benchmarks.md."""
