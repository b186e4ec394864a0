"""S3 of LocalStack that keeps what it has acknowledged: a provider plugin for LocalStack 4.14.

Pure parts, tested without LocalStack: `settings`, `blobs` (bytes), `journal` (rows), `records` (models to rows and
back), `access` (what the world may read). LocalStack's side: `storage`, `touched`, `provider`, `plugin`.
"""
