"""A release as one HTML page for people: plots, tables, and examples to leaf through. Pure: counts and rows in, text out."""
