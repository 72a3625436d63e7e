"""What the P2PNet baseline reaches: accuracy at a fixed budget, the paper's ablations as trends, speed and memory."""
