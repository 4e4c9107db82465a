"""Backups: all that cannot be computed again as one consistent set, restored, drilled, and homes of older layouts brought forward."""
