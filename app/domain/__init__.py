"""Plain frozen data and the rules on it. This room imports no other room."""
