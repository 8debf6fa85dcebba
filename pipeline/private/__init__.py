"""Private data and secrets in texts: what they look like, which checks tell them from look-alikes, and how they are masked."""
