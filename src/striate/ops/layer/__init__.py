"""One layer: its arithmetic, the same in sentences, and a drawing of its windows."""
