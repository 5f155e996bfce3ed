"""What the page asks keeps the word that its description gives."""

from described import operations_of, require_kept


def test_the_endpoints_keep_their_word(server):
    operations = operations_of(f"{server}openapi.json")
    require_kept([operations[path] for path in ("/why", "/layers")], examples=15)
