"""What every engine process is asked before it is relied on: its tokenizer, its embeddings, its token routes."""
