// node-redis, with RESP3.
import calculateSlot from "cluster-key-slot";
import { BasicPooledClientSideCache, createCluster } from "redis";
import {
  LIBRARY, LIBRARY_SOURCE, SCRIPT, ask, ca, expect, key, keys, place, refused, tagged, tell, until, user,
} from "./telling.mjs";

async function open(options = {}) {
  const cluster = createCluster({
    rootNodes: [{ socket: { ...place, tls: true, ca } }],
    defaults: { ...user, socket: { tls: true, ca } },
    RESP: 3,
    ...options,
  });
  cluster.on("error", () => {}); // what happens while nodes are exchanged
  cluster.on("node-error", () => {});
  await cluster.connect();
  return cluster;
}

const client = await open();
const every = (names, work) => Promise.all(names.map(work));

// A command that is under way when its node goes is refused; an application sends it again.
async function again(work) {
  try { return await work(); } catch (error) {
    if (error.message !== "Socket closed unexpectedly") throw error;
    return work();
  }
}

await tell({
  async connect() {
    expect(await client.sendCommand(undefined, true, ["ACL", "WHOAMI"]), user.username);
    expect(client.masters.length, 2);
    const names = keys("connect", 100);
    await every(names, (name) => client.set(name, "x"));
    expect(await every(names, (name) => client.get(name)), names.map(() => "x"));
    await refused(client.set("elsewhere", "x"), "NOPERM");
    const [before, reader] = [Number(await ask("replica-reads")), await open({ useReplicas: true })];
    expect(await every(names, (name) => reader.get(name)), names.map(() => "x"));
    expect(Number(await ask("replica-reads")) > before, true);
    reader.destroy();
  },

  async moved() {
    const names = keys("moved", 60);
    for (const shards of [3, 2]) {
      await every(names, (name) => client.set(name, String(shards)));
      await ask(`reshard ${shards}`);
      expect(await every(names, (name) => client.get(name)), names.map(() => String(shards)));
      // Not APPEND: node-redis 5 does not tell its key, and asks one random node after the other.
      expect(await every(names, (name) => client.incr(name)), names.map(() => shards + 1));
    }
    expect(Number(await ask("moved")) > 0, true);
  },

  async pipeline() {
    // What is sent in one turn of the loop goes out as a pipeline; so does a chain without a transaction.
    const names = keys("pipe", 100);
    const answers = await Promise.all(names.flatMap((name) => [client.set(name, name), client.get(name)]));
    expect(answers, names.flatMap((name) => ["OK", name]));
    const chain = client.multi();
    for (let number = 0; number < 100; number += 1) chain.incr(tagged("pipe"));
    expect(await chain.execAsPipeline(), Array.from({ length: 100 }, (_, at) => at + 1));
  },

  async multi() {
    expect(await client.multi().set(tagged("multi"), "1").incrBy(tagged("multi"), 41).exec(), ["OK", 42]);
    const node = await client.nodeClient(client.slots[calculateSlot(tagged("multi"))].master);
    await node.watch(tagged("multi"));
    await client.incr(tagged("multi"));
    const changed = await node.multi().set(tagged("multi"), "never").exec().catch((error) => error.constructor.name);
    expect([changed, await client.get(tagged("multi"))], ["WatchError", "43"]);
  },

  async pubsub() {
    const told = [];
    await client.subscribe(key("news"), (message, channel) => { told.push(`${channel} ${message}`); });
    await client.pSubscribe("story:*", (message, channel) => { told.push(`matched ${channel} ${message}`); });
    await client.publish(key("news"), "hello");
    await until(() => told.length === 2, `two messages, not ${JSON.stringify(told)}`);
    expect(told.sort(), [`matched ${key("news")} hello`, `${key("news")} hello`]);
    await client.unsubscribe(key("news"));
    await client.pUnsubscribe("story:*");
  },

  async sharded_pubsub() {
    const channels = keys("shard", 8);
    const told = [];
    for (const channel of channels) await client.sSubscribe(channel, (message, name) => { told.push(`${name} ${message}`); });
    for (const channel of channels) await client.sPublish(channel, "hello");
    await until(() => told.length === channels.length, `eight messages, not ${JSON.stringify(told)}`);
    expect(told.sort(), channels.map((channel) => `${channel} hello`));
    for (const channel of channels) await client.sUnsubscribe(channel);
  },

  async scripts() {
    const [counter, digest] = [tagged("lua"), async (node) => (await client.nodeClient(node)).scriptLoad(SCRIPT)];
    const given = (amount) => ({ keys: [counter], arguments: [String(amount)] });
    expect(await client.eval(SCRIPT, given(5)), [counter, 5]);
    const [sha] = await every(client.masters, digest);
    expect(await client.evalSha(sha, given(5)), [counter, 10]);
    await refused(client.evalSha("f".repeat(40), given(5)), "NOSCRIPT");
    for (const node of client.masters) expect(await (await client.nodeClient(node)).functionLoad(LIBRARY_SOURCE), LIBRARY);
    expect(await client.fCall(LIBRARY, given(32)), 42);
  },

  async streams() {
    const [stream, group] = [tagged("stream"), "workers"];
    await client.xGroupCreate(stream, group, "0", { MKSTREAM: true });
    const first = await client.xAdd(stream, "*", { job: "1" });
    const second = await client.xAdd(stream, "*", { job: "2" });
    const ids = (read) => JSON.stringify(read).match(/\d{13}-\d+/g);
    expect(ids(await client.xReadGroup(group, "one", { key: stream, id: ">" }, { COUNT: 2 })), [first, second]);
    expect(await client.xAck(stream, group, first), 1);
    expect((await client.xPending(stream, group)).pending, 1);
    expect((await client.xAutoClaim(stream, group, "two", 0, "0-0")).messages.map((message) => message.id), [second]);
    const blocking = await open();
    const waiting = blocking.xReadGroup(group, "two", { key: stream, id: ">" }, { BLOCK: 10_000 });
    const last = await client.xAdd(stream, "*", { job: "last" });
    expect(ids(await waiting), [last]);
    blocking.destroy();
  },

  async tracking() {
    const cache = new BasicPooledClientSideCache({ ttl: 0, maxEntries: 100, recordStats: true });
    const cached = await open({ clientSideCache: cache });
    await client.set(key("tracked"), "old");
    for (let round = 0; round < 3; round += 1) expect(await cached.get(key("tracked")), "old");
    expect(cache.stats().hitCount >= 2, true);
    await client.set(key("tracked"), "new");
    await until(async () => await cached.get(key("tracked")) === "new", "the invalidation");
    cached.destroy();
  },

  async reconnect() {
    const names = keys("reconnect", 30);
    for (const event of ["failover", "restart"]) {
      await every(names, (name) => client.set(name, event));
      await ask(event);
      expect(await every(names, (name) => again(() => client.get(name))), names.map(() => event));
      expect(await every(names, (name) => client.append(name, "!")), names.map(() => event.length + 1));
      expect(await every(names, (name) => client.get(name)), names.map(() => `${event}!`));
    }
  },
});
