"""What came of a batch, for people: one HTML page without a server, and tables for the survey 3DGS.zip."""
