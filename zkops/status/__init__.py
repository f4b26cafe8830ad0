"""The live view: sample, compute, draw."""
