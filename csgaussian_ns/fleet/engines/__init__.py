"""What runs tasks: processes of this machine, SLURM, Ray; or a description for Kubernetes and SkyPilot."""
