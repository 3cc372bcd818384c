"""Scripts that run inside the sandbox, as the owner, where a tree may hold anything; standard library only."""
