"""The parts of a run, each of a range of profiles: staged, checked and compared by themselves, put together in order."""
