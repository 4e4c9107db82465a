"""What tests of sources in databases share."""
