# The same as deploy.py, by Terraform: `python ../packages.py .`, then `terraform init && terraform apply` here.
# Against AWS, leave the provider's block empty and give cluster and function the subnets of your VPC.

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

variable "packages" {
  description = "Where packages.py has put function.zip and layer.zip."
  default     = "build"
}

variable "password" {
  description = "Of the function's user."
  default     = "a-long-password-for-the-catalog"
  sensitive   = true
}

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true

  endpoints {
    dynamodb = var.endpoint
    iam      = var.endpoint
    lambda   = var.endpoint
    memorydb = var.endpoint
  }
}

resource "aws_dynamodb_table" "products" {
  name         = "products"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }
}

resource "aws_memorydb_user" "products" {
  user_name     = "products"
  access_string = "on ~product:* resetchannels -@all +get +set +del +ping +command +cluster|slots +cluster|shards"

  authentication_mode {
    type      = "password"
    passwords = [var.password]
  }
}

resource "aws_memorydb_acl" "products" {
  name       = "products"
  user_names = [aws_memorydb_user.products.id]
}

resource "aws_memorydb_cluster" "products" {
  name       = "products"
  node_type  = "db.t4g.small"
  acl_name   = aws_memorydb_acl.products.id
  num_shards = 2
}

resource "aws_iam_role" "products" {
  name = "products"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

# In a VPC, where clusters are on AWS, it needs AWSLambdaVPCAccessExecutionRole, too.
resource "aws_iam_role_policy" "products" {
  name = "products"
  role = aws_iam_role.products.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["dynamodb:GetItem", "dynamodb:PutItem"]
        Resource = aws_dynamodb_table.products.arn
      },
      {
        Effect   = "Allow"
        Action   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "arn:aws:logs:*:*:log-group:/aws/lambda/products:*"
      },
    ]
  })
}

resource "aws_lambda_layer_version" "redis" {
  layer_name       = "redis-py-by-terraform"
  filename         = "${var.packages}/layer.zip"
  source_code_hash = filebase64sha256("${var.packages}/layer.zip")
}

resource "aws_lambda_function" "products" {
  function_name    = "products"
  runtime          = "python3.12"
  handler          = "catalog.handler"
  role             = aws_iam_role.products.arn
  filename         = "${var.packages}/function.zip"
  source_code_hash = filebase64sha256("${var.packages}/function.zip")
  layers           = [aws_lambda_layer_version.redis.arn]
  timeout          = 15

  environment {
    variables = {
      TABLE            = aws_dynamodb_table.products.name
      CLUSTER_HOST     = aws_memorydb_cluster.products.cluster_endpoint[0].address
      CLUSTER_PORT     = aws_memorydb_cluster.products.cluster_endpoint[0].port
      CLUSTER_USER     = aws_memorydb_user.products.user_name
      CLUSTER_PASSWORD = var.password
    }
  }
}

output "function" {
  value = aws_lambda_function.products.function_name
}
