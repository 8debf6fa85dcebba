"""The figures prefmill promises, each measured through its command line beside a floor; see the README here."""
