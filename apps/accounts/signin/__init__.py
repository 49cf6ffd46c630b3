"""Signing in: what allauth leaves to its host. Adapters, refresh families, TOTP, OIDC, notices.

allauth owns the flows and their addresses below /v1/auth/{browser,app}/; nothing here is a view.
"""
