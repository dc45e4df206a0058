"""Chemistry domain for sma: SMILES reader and check, MoleculeNet tasks, scaffold splits, recipes."""
