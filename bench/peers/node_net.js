// Lines over TCP in node: every line goes to every connection. Prints its port.
const everybody = new Set();
const server = require("net").createServer({ noDelay: true }, (connection) => {
  let rest = Buffer.alloc(0);
  everybody.add(connection);
  connection.on("data", (data) => {
    if (rest.length) data = Buffer.concat([rest, data]);
    let start = 0;
    for (let end; (end = data.indexOf(10, start)) >= 0; start = end + 1) {
      const line = data.subarray(start, end + 1);
      for (const other of everybody) other.write(line);
    }
    rest = data.subarray(start);
  });
  connection.on("close", () => everybody.delete(connection));
  connection.on("error", () => {});
});
server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () =>
  console.log(`port ${server.address().port}`),
);
