"""Pictures and pages: rows with what a mask hides, drawn by the core or by a domain's renderer."""
