"""A dataset as columns of points by image: assembly, alignment of the two sides, image bounds and fingerprints."""
