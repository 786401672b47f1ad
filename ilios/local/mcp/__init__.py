"""What `ilios mcp` offers language models: tools over the Model Context Protocol."""
