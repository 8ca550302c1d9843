"""Renders a real MP4 from a picture on this machine: the embedded default, and free drafts."""
