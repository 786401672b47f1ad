"""Convert documents through Mistral's OCR API and its official SDK."""
