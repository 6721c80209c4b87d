"""What a station does in AWS. boto3 is imported when first needed: a station without it pays nothing."""
