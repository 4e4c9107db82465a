"""Files that lie elsewhere, in object stores or behind HTTPS: listed, fetched once a content, then read as files of this machine."""
