"""`prefmill ui`: a read-only page over the warehouse, served to this machine alone."""
