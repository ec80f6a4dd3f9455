"""FEMNIST, as the hub has it and as LEAF writes it."""
