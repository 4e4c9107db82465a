"""Checks that a model version has to pass before it becomes champion."""
