"""Limits that machines keep together."""
