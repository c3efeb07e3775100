"""What is measured: each script prints ratios against a named reference taken in the same run, and its goals."""
