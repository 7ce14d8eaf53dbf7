# The AWS CLI: a user, an ACL and a cluster, a fault, tags, and away with it all.
set -euo pipefail
until_equal() { # wanted, command...
  local wanted=$1; shift
  for _ in $(seq 40); do [ "$("$@" 2>/dev/null || echo gone)" = "$wanted" ] && return; done
  echo "never $wanted: $*" >&2; exit 1
}
aws memorydb create-user --user-name cli-user --access-string 'on ~* +@all' --authentication-mode Type=iam \
  --query User.Status --output text
aws memorydb create-acl --acl-name cli-acl --user-names cli-user --query ACL.Name --output text
arn=$(aws memorydb create-cluster --cluster-name cli-cluster --node-type db.t4g.small --acl-name cli-acl \
  --num-replicas-per-shard 0 --query Cluster.ARN --output text)
until_equal available aws memorydb describe-clusters --cluster-name cli-cluster --query 'Clusters[0].Status' --output text
aws memorydb tag-resource --resource-arn "$arn" --tags Key=team,Value=blue --query 'TagList[0].Value' --output text
{ aws memorydb describe-clusters --cluster-name nobody 2>&1 || true; } | grep -o 'ClusterNotFoundFault'
aws memorydb delete-cluster --cluster-name cli-cluster --query Cluster.Status --output text
until_equal gone aws memorydb describe-clusters --cluster-name cli-cluster --query 'Clusters[0].Status' --output text
aws memorydb delete-acl --acl-name cli-acl --query ACL.Status --output text
until_equal gone aws memorydb describe-acls --acl-name cli-acl --query 'ACLs[0].Status' --output text
aws memorydb delete-user --user-name cli-user --query User.Status --output text
echo done
