// ioredis. It speaks RESP2 only.
import { Cluster, Redis } from "ioredis";
import {
  LIBRARY, LIBRARY_SOURCE, SCRIPT, ask, ca, expect, key, keys, place, refused, tagged, tell, until, user,
} from "./telling.mjs";

function open(options = {}) {
  const cluster = new Cluster([place], { redisOptions: { ...user, tls: { ca } }, dnsLookup: (address, done) => done(null, address), ...options });
  cluster.on("error", () => {}); // what happens while nodes are exchanged
  return cluster;
}

const client = open();
const every = (names, work) => Promise.all(names.map(work));

await tell({
  async connect() {
    expect(await client.call("ACL", "WHOAMI"), user.username);
    expect([client.nodes("master").length, client.nodes("slave").length], [2, 2]);
    const names = keys("connect", 100);
    await every(names, (name) => client.set(name, "x"));
    expect(await every(names, (name) => client.get(name)), names.map(() => "x"));
    await refused(client.set("elsewhere", "x"), "NOPERM");
    const [before, reader] = [Number(await ask("replica-reads")), open({ scaleReads: "slave" })];
    expect(await every(names, (name) => reader.get(name)), names.map(() => "x"));
    expect(Number(await ask("replica-reads")) >= before + 100, true);
    reader.disconnect();
  },

  async moved() {
    const names = keys("moved", 60);
    for (const shards of [3, 2]) {
      await every(names, (name) => client.set(name, shards));
      await ask(`reshard ${shards}`);
      expect(await every(names, (name) => client.get(name)), names.map(() => String(shards)));
      expect(await every(names, (name) => client.append(name, "!")), names.map(() => 2));
    }
    expect(Number(await ask("moved")) > 0, true);
  },

  async pipeline() {
    const pipeline = client.pipeline(); // its keys must be of one node
    for (let number = 0; number < 100; number += 1) pipeline.set(tagged(`pipe:${number}`), number).get(tagged(`pipe:${number}`));
    const answers = await pipeline.exec();
    expect(answers.map(([, answer]) => answer), Array.from({ length: 200 }, (_, at) => (at % 2 ? String((at - 1) / 2) : "OK")));
    const [[, done], [error]] = await client.pipeline().set(tagged("pipe"), "text").incr(tagged("pipe")).exec();
    expect([done, error.message.includes("not an integer")], ["OK", true]);
  },

  async multi() {
    const answers = await client.multi().set(tagged("multi"), 1).incrby(tagged("multi"), 41).exec();
    expect(answers, [[null, "OK"], [null, 42]]);
    await refused(client.multi().set(tagged("multi"), 1).call("nonsense", tagged("multi")).exec(), "EXECABORT");
    expect(await client.get(tagged("multi")), "42");
  },

  async pubsub() {
    const subscriber = open();
    const told = [];
    subscriber.on("message", (channel, message) => { told.push([channel, message]); });
    subscriber.on("pmessage", (pattern, channel, message) => { told.push([pattern, channel, message]); });
    await subscriber.subscribe(key("news"));
    await subscriber.psubscribe("story:*");
    for (const node of client.nodes("master")) await node.publish(key("news"), "hello");
    await until(() => told.length === 4, `four messages, not ${JSON.stringify(told)}`);
    const [direct, matched] = [[key("news"), "hello"], ["story:*", key("news"), "hello"]];
    expect(told.sort((one, other) => one.length - other.length), [direct, direct, matched, matched]);
    subscriber.disconnect();
  },

  async sharded_pubsub() {
    const subscriber = open({ shardedSubscribers: true });
    const channels = keys("shard", 8);
    const told = [];
    subscriber.on("smessage", (channel, message) => { told.push(`${channel} ${message}`); });
    for (const channel of channels) await subscriber.ssubscribe(channel);
    for (const channel of channels) await client.spublish(channel, "hello");
    await until(() => told.length === channels.length, `eight messages, not ${JSON.stringify(told)}`);
    expect(told.sort(), channels.map((channel) => `${channel} hello`));
    subscriber.disconnect();
  },

  async scripts() {
    const counter = tagged("lua");
    expect(await client.eval(SCRIPT, 1, counter, 5), [counter, 5]);
    client.defineCommand("addTo", { numberOfKeys: 1, lua: `${SCRIPT} -- by its digest` });
    expect(await client.addTo(counter, 5), [counter, 10]);
    expect(await client.addTo(counter, 0), [counter, 10]);
    await refused(client.evalsha("f".repeat(40), 1, counter), "NOSCRIPT");
    for (const node of client.nodes("master")) expect(await node.function("LOAD", LIBRARY_SOURCE), LIBRARY);
    expect(await client.fcall(LIBRARY, 1, counter, 32), 42);
  },

  async streams() {
    const [stream, group] = [tagged("stream"), "workers"];
    await client.xgroup("CREATE", stream, group, "0", "MKSTREAM");
    const first = await client.xadd(stream, "*", "job", "1");
    const second = await client.xadd(stream, "*", "job", "2");
    const read = await client.xreadgroup("GROUP", group, "one", "COUNT", 2, "STREAMS", stream, ">");
    expect(read, [[stream, [[first, ["job", "1"]], [second, ["job", "2"]]]]]);
    expect(await client.xack(stream, group, first), 1);
    expect((await client.xpending(stream, group))[0], 1);
    expect((await client.xautoclaim(stream, group, "two", 0, "0-0"))[1], [[second, ["job", "2"]]]);
    const blocking = open();
    const waiting = blocking.xreadgroup("GROUP", group, "two", "BLOCK", 10_000, "STREAMS", stream, ">");
    const last = await client.xadd(stream, "*", "job", "last");
    expect(await waiting, [[stream, [[last, ["job", "last"]]]]]);
    blocking.disconnect();
  },

  async tracking() { // RESP2 carries invalidations on a second connection, which subscribes to them
    const [host, port] = client.slots[await client.cluster("KEYSLOT", key("tracked"))][0].split(":");
    const node = () => new Redis({ host, port: Number(port), ...user, tls: { ca } });
    const [listener, reader] = [node(), node()];
    const gone = [];
    listener.on("message", (channel, names) => { gone.push([channel, names]); });
    const listening = await listener.client("ID");
    await listener.subscribe("__redis__:invalidate");
    expect(await reader.client("TRACKING", "ON", "REDIRECT", listening), "OK");
    await client.set(key("tracked"), "old");
    for (let round = 0; round < 2; round += 1) expect(await reader.get(key("tracked")), "old");
    await client.set(key("tracked"), "new");
    await until(() => gone.length > 0, "the invalidation");
    expect(await reader.get(key("tracked")), "new");
    expect(gone, [["__redis__:invalidate", key("tracked")]]);
    for (const each of [listener, reader]) each.disconnect();
  },

  async reconnect() {
    const names = keys("reconnect", 30);
    for (const event of ["failover", "restart"]) {
      await every(names, (name) => client.set(name, event));
      await ask(event);
      expect(await every(names, (name) => client.get(name)), names.map(() => event));
      expect(await every(names, (name) => client.append(name, "!")), names.map(() => event.length + 1));
      expect(await every(names, (name) => client.get(name)), names.map(() => `${event}!`));
    }
  },
});
