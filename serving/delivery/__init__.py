"""Exports of audiences and predictions to files, with holdouts, consent and an audit record."""
