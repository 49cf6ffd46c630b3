"""Invoices for a small workshop."""

__version__ = "1.0.0"
