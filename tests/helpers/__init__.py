"""What several test modules make: series of balls, slices to annotate, files of microscopes."""
