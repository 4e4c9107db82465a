"""What competes to be a tag's model beside tagcast's own: estimators that a function makes, and frozen models of MLflow."""
