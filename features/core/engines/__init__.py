"""Where work on many profiles is done: in this process, or by range of ids in the tasks of Spark."""
