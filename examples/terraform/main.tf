# MemoryDB on localhost: `make start` in one terminal, then `terraform init && terraform apply` here.
# Against AWS, leave the provider's block empty: the resources stay as they are.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "endpoint" {
  description = "Where the emulator listens."
  default     = "http://127.0.0.1:4566"
}

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true

  endpoints {
    memorydb = var.endpoint
    ec2      = var.endpoint
  }
}

data "aws_availability_zones" "available" {
  state = "available"
}

resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "main" {
  count             = 2
  vpc_id            = aws_vpc.main.id
  cidr_block        = cidrsubnet(aws_vpc.main.cidr_block, 8, count.index)
  availability_zone = data.aws_availability_zones.available.names[count.index]
}

resource "aws_memorydb_subnet_group" "main" {
  name       = "sessions"
  subnet_ids = aws_subnet.main[*].id
}

resource "aws_memorydb_cluster" "sessions" {
  name                     = "sessions"
  acl_name                 = "open-access"
  node_type                = "db.t4g.small"
  num_shards               = 2
  num_replicas_per_shard   = 1
  subnet_group_name        = aws_memorydb_subnet_group.main.name
  snapshot_retention_limit = 1

  tags = {
    service = "web"
  }
}

output "endpoint" {
  value = aws_memorydb_cluster.sessions.cluster_endpoint[0]
}
