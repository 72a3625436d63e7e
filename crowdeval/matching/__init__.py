"""Neighbours and scales of true points, the matching of predictions to them, and precision-recall curves."""
