"""What can be done with depots: make, judge, compose, modernise, unpack and serve them."""
