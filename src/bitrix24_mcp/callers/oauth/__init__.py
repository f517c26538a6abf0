"""Callers with an access token of an authorization server, as the MCP specification asks of a resource server.

Each is served the portal that the operator's file names for them.
"""
