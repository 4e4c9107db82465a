"""Campaigns: what they are to achieve, who was in which arm, and the lift that they had."""
