"""Offline pages: the report of a run (`page.write_report`, from `facts.ReportFacts`), and what other verbs show."""
