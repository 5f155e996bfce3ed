"""Which network for these pictures and this time: real steps of those that suit, the rest from their arithmetic."""
