"""The object store behind the S3 protocol."""
