"""The nouns of prefmill: rows, ids, fingerprints, recipes, requests and errors. Knows nothing else of ours."""
