// Runs a Node.js function: takes events from Lambda's Runtime API, calls the handler, answers.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"use strict";

const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const util = require("node:util");
const { pathToFileURL } = require("node:url");

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
let requestId = "";

function call(method, where, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const options = { host, port, method, path: `/2018-06-01/runtime/${where}`, agent, headers };
    const request = http.request(options, (answer) => {
      const chunks = [];
      answer.on("data", (chunk) => chunks.push(chunk));
      answer.on("end", () => resolve({ headers: answer.headers, body: Buffer.concat(chunks) }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

// Lambda's form of a line: time, request, level, message. A line break inside an event is a carriage return.
function log(level, ...message) {
  const text = util.format(...message).replaceAll("\n", "\r");
  fs.writeSync(1, `${new Date().toISOString()}\t${requestId || "undefined"}\t${level}\t${text}\n`);
}

function patchConsole() {
  const levels = { log: "INFO", info: "INFO", debug: "DEBUG", trace: "TRACE", warn: "WARN", error: "ERROR" };
  for (const [name, level] of Object.entries(levels)) console[name] = (...message) => log(level, ...message);
}

// The lines of a stack that are the function's own.
function trace(error) {
  return (error?.stack ?? "").split("\n").filter((line) => !line.includes(__filename));
}

function failure(error) {
  if (error instanceof Error) {
    return { errorType: error.name, errorMessage: error.message, trace: trace(error) };
  }
  return { errorType: typeof error, errorMessage: String(error), trace: [] };
}

function runtimeError(kind, message) {
  return Object.assign(new Error(message), { name: kind });
}

async function loadHandler(name) {
  const directory = path.dirname(name);
  const match = /^([^.]*)\.(.+)$/.exec(path.basename(name));
  if (!match) throw runtimeError("Runtime.MalformedHandlerName", "Bad handler");
  const base = path.resolve(process.env.LAMBDA_TASK_ROOT, directory, match[1]);
  const file = ["", ".js", ".mjs", ".cjs"].map((end) => base + end).find((each) => fs.statSync(each, { throwIfNoEntry: false })?.isFile());
  if (!file) throw runtimeError("Runtime.ImportModuleError", `Error: Cannot find module '${match[1]}'`);
  let found;
  try {
    found = await import(pathToFileURL(file).href);
  } catch (error) {
    if (error instanceof SyntaxError) throw runtimeError("Runtime.UserCodeSyntaxError", `SyntaxError: ${error.message}`);
    if (/MODULE_NOT_FOUND/.test(error?.code)) throw runtimeError("Runtime.ImportModuleError", `Error: ${error.message}`);
    throw error;
  }
  const inside = (module) => match[2].split(".").reduce((value, part) => value?.[part], module);
  const handler = inside(found) ?? inside(found.default);
  if (handler === undefined) throw runtimeError("Runtime.HandlerNotFound", `${name} is undefined or not exported`);
  if (typeof handler !== "function") throw runtimeError("Runtime.HandlerNotFound", `${name} is not a function`);
  return handler;
}

function contextOf(headers) {
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  const given = headers["lambda-runtime-client-context"];
  return {
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    awsRequestId: requestId,
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    clientContext: given ? JSON.parse(given) : undefined,
    getRemainingTimeInMillis: () => Math.max(deadline - Date.now(), 0),
  };
}

// What a handler can answer by: its promise, the callback, or (an old way) functions of the context. Only the first
// answer counts. The callback's waits until nothing is left to do, unless the handler has asked not to wait for that:
// a connection that is left open holds it up until the function times out, as it does on AWS.
function run(handler, event, context) {
  return new Promise((resolve, reject) => {
    let [waits, answered] = [true, false];
    const first = (answer) => (...given) => {
      if (!answered) answer(...given);
      answered = true;
    };
    const done = (error, result) => (error === undefined || error === null ? resolve(result) : reject(error));
    const callback = first((error, result) => {
      if (waits && (error === undefined || error === null)) whenIdle = () => setImmediate(resolve, result);
      else done(error, result);
    });
    const succeed = first(resolve);
    const fail = first((error) => reject(error ?? "handled"));
    Object.defineProperty(context, "callbackWaitsForEmptyEventLoop", {
      get: () => waits,
      set: (value) => { waits = value; },
      enumerable: true,
    });
    whenIdle = () => (handler.constructor.name === "AsyncFunction" ? reject(unsettled()) : resolve(null));
    const result = handler(event, Object.assign(context, { succeed, fail, done: first(done) }), callback);
    if (typeof result?.then === "function") result.then(succeed, fail);
  }).finally(() => { whenIdle = undefined; });
}

// What to do when the event loop is empty while a handler has not answered.
let whenIdle;
process.on("beforeExit", () => whenIdle?.());

function unsettled() {
  const message = "The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a "
    + "Promise that was not settled. For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes";
  return runtimeError("Runtime.NodeJsExit", message);
}

async function failInit(error) {
  const said = failure(error);
  log("ERROR", "Uncaught Exception", JSON.stringify(said));
  await call("POST", "init/error", JSON.stringify(said), { "Lambda-Runtime-Function-Error-Type": said.errorType });
  process.exit(1);
}

async function failInvocation(error) {
  const said = failure(error);
  log("ERROR", "Invoke Error", JSON.stringify(said));
  await call("POST", `invocation/${requestId}/error`, JSON.stringify(said), { "Lambda-Runtime-Function-Error-Type": said.errorType });
}

async function main() {
  patchConsole();
  let handler;
  try {
    handler = await loadHandler(process.argv[2]);
  } catch (error) {
    return failInit(error);
  }
  const crash = (kind) => async (error) => {
    const said = { errorType: kind, errorMessage: String(error), trace: trace(error) };
    log("ERROR", "Uncaught Exception", JSON.stringify(said));
    await call("POST", `invocation/${requestId}/error`, JSON.stringify(said));
    process.exit(128);
  };
  process.on("uncaughtException", crash("Runtime.UncaughtException"));
  process.on("unhandledRejection", crash("Runtime.UnhandledPromiseRejection"));
  for (;;) {
    const { headers, body } = await call("GET", "invocation/next");
    requestId = headers["lambda-runtime-aws-request-id"];
    process.env._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"] ?? "";
    try {
      const result = await run(handler, JSON.parse(body), contextOf(headers));
      await call("POST", `invocation/${requestId}/response`, JSON.stringify(result === undefined ? null : result));
    } catch (error) {
      await failInvocation(error);
    }
  }
}

main().catch(() => process.exit(1));
