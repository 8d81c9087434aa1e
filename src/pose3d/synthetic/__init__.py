"""The embedded data set: real motion capture on a body model, rendered on the CPU."""
