"""The embedded profile store: a run is one DuckDB file, or several by rising ids behind one view."""
