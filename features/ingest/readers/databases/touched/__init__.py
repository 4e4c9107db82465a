"""Which buckets a load compares where a column says when lines were loaded, and when it compares all."""
