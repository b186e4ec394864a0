"""Ships what containers write to CloudWatch Logs: sources → tails → sender, put together by shipping."""
