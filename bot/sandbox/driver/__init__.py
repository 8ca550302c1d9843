"""What people do in the sandbox: their clients, with the checks that a client makes."""
