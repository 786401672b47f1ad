"""The dialect of Mistral OCR."""
