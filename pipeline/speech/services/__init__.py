"""Voices of services with OpenAI's speech interface."""
