"""Changed definitions before they are active: what they would change, proposals of rules counted, challengers beside champions."""
