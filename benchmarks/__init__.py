"""What Kinora costs: `python -m benchmarks [names] [--quick]`. Each module but the plain ones is one benchmark."""
