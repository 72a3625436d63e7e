"""Who takes whom: neighbours, scales and matchings, and the curves that follow from them."""
