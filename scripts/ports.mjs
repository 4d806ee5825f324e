// Finds out whether a local port is taken, and finds a free one.
import net from "node:net";

/** Resolves with the port that could be bound (0 asks for any), or undefined. */
function tryListen(port) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once("error", () => resolve(undefined));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      const bound = server.address().port;
      server.close(() => resolve(bound));
    });
  });
}

export async function isPortFree(port) {
  return (await tryListen(port)) !== undefined;
}

export async function freePort() {
  const port = await tryListen(0);
  if (port === undefined) throw new Error("No local port could be bound.");
  return port;
}
