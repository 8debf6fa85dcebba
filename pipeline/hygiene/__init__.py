"""What is wrong with a response whoever judges it: empty, refused, cut off, repeated, in another language, leaked markers."""
