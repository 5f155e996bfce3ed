"""A page of what any trained network has learned: one offline file, made of parts."""
