"""The folder of a run: where everything lies, the state that a run goes on from, what is there and what is damaged."""
