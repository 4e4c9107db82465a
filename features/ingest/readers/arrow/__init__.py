"""What is read through Arrow: files of Arrow and ORC, tables of a lake, Delta and Iceberg, as of one version, and of Spark's catalogue."""
