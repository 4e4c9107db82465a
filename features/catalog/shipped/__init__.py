"""tagcast's own two views, as files of the kind that a company writes, and how they are read."""
