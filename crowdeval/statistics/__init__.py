"""How sure a number is: tests on what the images contribute to it."""
