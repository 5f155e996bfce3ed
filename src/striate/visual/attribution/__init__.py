"""Where in a picture the reasons for a class lie: ten methods in one shape, and what each of their maps is worth."""
