// The AWS SDK for JavaScript: a user, an ACL and a cluster, a fault of its own class, tags, and away with it all.
import {
  MemoryDBClient, CreateUserCommand, CreateACLCommand, CreateClusterCommand, DescribeClustersCommand, DescribeUsersCommand,
  TagResourceCommand, ListTagsCommand, DeleteClusterCommand, DeleteACLCommand, DeleteUserCommand,
  ClusterNotFoundFault, UserAlreadyExistsFault, paginateDescribeClusters,
} from "@aws-sdk/client-memorydb";

const client = new MemoryDBClient({});
const send = (Command, input) => client.send(new Command(input));
const expect = (condition, what) => { if (!condition) throw new Error(`expected ${what}`); };

async function fault(promise) {
  try { await promise; } catch (error) { return error; }
  throw new Error("expected a fault");
}

async function until(find, wanted) {
  for (let round = 0; round < 200; round += 1) {
    const found = await find();
    if (found === wanted) return;
    await new Promise((resolve) => { setTimeout(resolve, 25); });
  }
  throw new Error(`never ${wanted}`);
}

const user = { UserName: "js-user", AccessString: "on ~* +@all", AuthenticationMode: { Type: "iam" } };
await send(CreateUserCommand, user);
expect(await fault(send(CreateUserCommand, user)) instanceof UserAlreadyExistsFault, "UserAlreadyExistsFault");
await send(CreateACLCommand, { ACLName: "js-acl", UserNames: ["js-user"] });
const { Cluster } = await send(CreateClusterCommand, {
  ClusterName: "js-cluster", NodeType: "db.t4g.small", ACLName: "js-acl", NumShards: 2, NumReplicasPerShard: 0,
});
const status = async () => (await send(DescribeClustersCommand, { ClusterName: "js-cluster" })).Clusters[0].Status;
await until(status, "available");
let seen = 0;
for await (const page of paginateDescribeClusters({ client, pageSize: 20 }, {})) seen += page.Clusters.length;
expect(seen >= 1, "a page with a cluster");
await send(TagResourceCommand, { ResourceArn: Cluster.ARN, Tags: [{ Key: "team", Value: "blue" }] });
expect((await send(ListTagsCommand, { ResourceArn: Cluster.ARN })).TagList[0].Value === "blue", "the tag");
await send(DeleteClusterCommand, { ClusterName: "js-cluster" });
await until(async () => (await send(DescribeClustersCommand, {})).Clusters.filter((c) => c.Name === "js-cluster").length, 0);
const gone = await fault(send(DescribeClustersCommand, { ClusterName: "js-cluster" }));
expect(gone instanceof ClusterNotFoundFault && gone.message.includes("js-cluster"), "ClusterNotFoundFault");
await send(DeleteACLCommand, { ACLName: "js-acl" });
await until(async () => (await send(DescribeUsersCommand, { UserName: "js-user" })).Users[0].ACLNames.length, 0);
await send(DeleteUserCommand, { UserName: "js-user" });
console.log("done");
