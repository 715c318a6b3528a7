// WebSockets with node's ws package: the broadcast of its README. Prints its port.
// With an argument it also listens for TLS, with key.pem and certificate.pem, and prints that port, too.
const { readFileSync } = require("fs");
const { WebSocketServer } = require("ws");
const server = new WebSocketServer({ noServer: true, perMessageDeflate: false });
server.on("connection", (connection) => {
  connection.on("error", () => {});
  connection.on("message", (data, binary) => {
    for (const other of server.clients) other.send(data, { binary });
  });
});

function listen(http, then) {
  http.on("upgrade", (request, socket, head) =>
    server.handleUpgrade(request, socket, head, (client) =>
      server.emit("connection", client, request),
    ),
  );
  http.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => {
    console.log(`port ${http.address().port}`);
    then();
  });
}

function listenSecurely() {
  const pems = { key: readFileSync("key.pem"), cert: readFileSync("certificate.pem") };
  listen(require("https").createServer(pems), () => {});
}

listen(require("http").createServer(), process.argv[2] ? listenSecurely : () => {});
