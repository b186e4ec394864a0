"""Stand-ins for what AWS keeps closed: instance metadata, the CloudFront API, an X-Ray receiver with its store."""
