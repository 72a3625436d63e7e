"""Numbers with their signature: the protocol, the evaluation, its notices and the report."""
