"""The site of the documentation, and every command that README.md and docs/ show."""
