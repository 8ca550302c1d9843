"""`make demo`: a local Discord with a page, a vendor to practise with, and the real bot beside them."""
