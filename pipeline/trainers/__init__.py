"""The trainers that an export is for: the settings that load it, and what each of them makes of a row."""
