"""P2PNet (Song et al., ICCV 2021): the paper's point to point network, trainable, and scored with crowdeval itself."""
