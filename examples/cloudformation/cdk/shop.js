// A cluster with its ACL and user, by the L1 constructs of aws-cdk-lib.
const { App, CfnOutput, LegacyStackSynthesizer, Stack } = require("aws-cdk-lib");
const memorydb = require("aws-cdk-lib/aws-memorydb");

const app = new App();
// This synthesizer needs no bootstrap stack: the template goes into the request itself.
const stack = new Stack(app, "ShopCdk", { synthesizer: new LegacyStackSynthesizer() });

const user = new memorydb.CfnUser(stack, "User", {
  userName: "shop-cdk-application",
  accessString: "on ~shop:* +@all",
  authenticationMode: { Type: "iam" },
});
const acl = new memorydb.CfnACL(stack, "Acl", { aclName: "shop-cdk-acl", userNames: [user.ref] });
const cluster = new memorydb.CfnCluster(stack, "Cluster", {
  clusterName: "shop-cdk",
  nodeType: "db.t4g.small",
  aclName: acl.ref,
  numShards: Number(app.node.tryGetContext("shards") ?? 1),
  numReplicasPerShard: 1,
});

new CfnOutput(stack, "Address", { value: cluster.attrClusterEndpointAddress });
new CfnOutput(stack, "ClusterArn", { value: cluster.attrArn });
