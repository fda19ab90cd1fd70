"""The order of verbs: each file is one stage, named like its function."""
