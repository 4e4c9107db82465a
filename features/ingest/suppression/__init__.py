"""Erased profiles: whom a load leaves out, by keyed digests of their ids, and how the log that lies there is rid of them."""
