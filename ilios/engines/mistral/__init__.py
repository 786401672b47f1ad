"""The Mistral engine: documents to Markdown through the provider's OCR API and its official SDK."""
