"""Frozen records and typed errors that every layer shares."""
