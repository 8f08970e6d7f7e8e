"""The renderers that ship: ``openai`` and ``sketch``."""
