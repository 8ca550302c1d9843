"""Pictures, clips and the store that keeps both."""
