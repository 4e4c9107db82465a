"""Model cards: one page for each version, as Markdown and as a self-contained HTML file."""
