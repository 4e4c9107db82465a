"""The profile store: published runs, their manifests and the history of values, behind one interface."""
