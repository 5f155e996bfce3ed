"""The report of a run: one offline HTML file, written by `page.write_report` from `facts.ReportFacts`."""
