"""What is read through Arrow: files of Arrow and ORC, and tables of a lake, Delta and Iceberg, as of one version."""
