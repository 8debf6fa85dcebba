"""The memory of prefmill: DuckLake tables, the outcome ledger, plans, releases. The only folder that holds SQL."""
