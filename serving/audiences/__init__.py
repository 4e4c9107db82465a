"""Audiences: filters are resolved, counted, described, forecast, portrayed and saved."""
