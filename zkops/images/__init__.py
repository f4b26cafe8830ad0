"""Docker, registry, Debian archive, Apache release: an image reference by digest; the only importer of docker."""
