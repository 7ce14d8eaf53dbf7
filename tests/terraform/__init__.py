"""Terraform with the real AWS provider decides whether the control plane is right."""
