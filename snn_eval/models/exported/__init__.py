"""Programs of ``torch.export`` (``.pt2``): read without running code of the file, run as a network whose calls are
seen."""
