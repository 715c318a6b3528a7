// WebSockets with node's ws package: the broadcast of its README. Prints its port.
const { WebSocketServer } = require("ws");
const http = require("http").createServer();
const server = new WebSocketServer({ server: http, perMessageDeflate: false });
server.on("connection", (connection) => {
  connection.on("error", () => {});
  connection.on("message", (data, binary) => {
    for (const other of server.clients) other.send(data, { binary });
  });
});
http.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () =>
  console.log(`port ${http.address().port}`),
);
