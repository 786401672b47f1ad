"""Nodes of a cluster: who lives, who may do what, and what all of them share. PostgreSQL only."""
