"""The models that tagcast's quality is compared with, and a cache of their test scores."""
