"""How much truth each way of asking recovers, and at what cost: judges with planted faults, and pairs with a planted truth."""
