"""The ground: the vocabulary, the journal, the sitting and the certification decision. It imports nothing of ours."""
