"""Networks side by side: a table, a chart of bubbles and a page."""
