"""Speed of the book's code and of the lecture notes', side by side in one run."""
