"""How fast crowdeval is, how much memory it takes, and where the time goes."""
