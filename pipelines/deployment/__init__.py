"""Changed definitions are planned and applied, and model versions are promoted by hand."""
