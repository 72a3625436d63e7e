"""The version of the package, imported by everything that writes it down."""

__version__ = "0.1.0"
