"""Many vectors compared: which are alike, how densely they lie, and which few stand for all."""
