// What the programs of the Node.js clients share; telling.py says what they tell and how they ask.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const env = process.env;
export const place = { host: env.STORY_HOST, port: Number(env.STORY_PORT) };
export const user = { username: env.STORY_USER, password: env.STORY_PASSWORD };
export const ca = readFileSync(env.STORY_CA);
export const key = (rest) => `story:${env.STORY_NAME}:${rest}`;
export const tagged = (rest) => `story:{${env.STORY_NAME}}:${rest}`;
export const keys = (name, count) => Array.from({ length: count }, (_, number) => key(`${name}:${number}`));

const ORDER = [
  "connect", "moved", "pipeline", "multi", "pubsub", "sharded_pubsub", "scripts", "streams", "tracking", "reconnect",
];
export const SCRIPT = "return {KEYS[1], redis.call('INCRBY', KEYS[1], ARGV[1])}";
export const LIBRARY = `story_${env.STORY_NAME.replaceAll("-", "_")}`;
export const LIBRARY_SOURCE = `#!lua name=${LIBRARY}
redis.register_function('${LIBRARY}', function(keys, args) return redis.call('INCRBY', keys[1], args[1]) end)`;

export class Skip extends Error {}

export function expect(got, wanted) {
  const [left, right] = [JSON.stringify(got), JSON.stringify(wanted)];
  if (left !== right) throw new Error(`${left} instead of ${right}`);
}

export async function refused(promise, text) {
  try { await promise; } catch (error) {
    if (String(error).includes(text)) return;
    throw error;
  }
  throw new Error(`not refused with ${text}`);
}

export async function until(condition, what) {
  for (let round = 0; round < 1000; round += 1) {
    if (await condition()) return;
    await new Promise((resolve) => { setTimeout(resolve, 10); });
  }
  throw new Error(`never: ${what}`);
}

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
export async function ask(what) {
  console.log(`ask ${what}`);
  return (await answers.next()).value;
}

function within(promise, seconds) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => { reject(new Error(`not done in ${seconds} seconds`)); }, seconds * 1000);
  });
  return Promise.race([promise, late]).finally(() => { clearTimeout(timer); });
}

export async function tell(stories) {
  const chosen = process.argv.slice(2);
  for (const name of chosen.length ? chosen : ORDER) {
    try {
      await within(stories[name](), 40);
      console.log(`story ${name} ok ""`);
    } catch (error) {
      const [verdict, text] = error instanceof Skip ? ["skip", error.message] : ["failed", String(error.stack ?? error)];
      console.log(`story ${name} ${verdict} ${JSON.stringify(text)}`);
    }
  }
  process.exit(0);
}
