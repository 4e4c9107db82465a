"""Tag definitions: YAML files validated into model tags and rule tags, and the differences between two versions."""
