"""QTI 3.0, the format in which items come and go. XML stands nowhere else."""
