"""The server keeps the word that its description gives."""

from described import operations_of, require_kept


def test_the_server_keeps_its_word(server):
    operations = operations_of(f"http://127.0.0.1:{server.port}/openapi.json")
    assert set(operations) == {"/predict", "/healthz", "/model", "/metrics"}
    require_kept(operations.values(), examples=25)
