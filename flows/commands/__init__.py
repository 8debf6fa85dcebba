"""The commands of `prefmill`: building, asking, knowing."""
