"""What tests of campaigns measure."""
