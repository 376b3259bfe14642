"""The command line, the migrations, and the shell commands of the README."""
