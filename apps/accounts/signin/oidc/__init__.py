"""Signing in with a company's identity provider: OpenID Connect, by allauth.

allauth owns the flow (state, PKCE, sessions, second factor). Ours: providers are rows, the
`id_token` is verified whole, and who may come in as whom. Start reading at `adapter.py`.
"""
