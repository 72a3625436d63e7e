"""What a dataset is: points by image as columns, how they are made, aligned and told apart."""
