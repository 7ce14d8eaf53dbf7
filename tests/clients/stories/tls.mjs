// Node.js's own TLS: `tls.mjs HOST PORT CA_FILE`. What each protocol version and each name ends with, one line for each.
import { readFileSync } from "node:fs";
import { connect } from "node:tls";

const [host, port, file] = process.argv.slice(2);
const ca = readFileSync(file);

function greet(options) {
  return new Promise((resolve) => {
    const socket = connect({ host, port, ca, ...options }, () => { socket.write("PING\r\n"); });
    socket.on("data", (data) => { resolve(`${socket.getProtocol()} ${socket.authorized} ${data}`.trim()); socket.destroy(); });
    socket.on("error", (error) => { resolve(error.code); });
  });
}

for (const version of ["TLSv1.2", "TLSv1.3"]) {
  for (const servername of [undefined, "localhost", "orders.localhost.localstack.cloud"]) {
    console.log(await greet({ servername, minVersion: version, maxVersion: version }));
  }
}
console.log(await greet({ servername: "orders.example.com" }));
console.log(await greet({ ca: undefined }));
