// Asks the Worker's isolate, through wrangler's inspector port, how much memory it keeps.

/** `port`: what --inspector-port was. */
export async function openInspector(port) {
  const [target] = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
  // Wrangler lets nobody in who does not say where from.
  const socket = new WebSocket(target.webSocketDebuggerUrl, { headers: { origin: "http://localhost" } });
  const waiting = new Map();
  let last = 0;
  socket.addEventListener("message", ({ data }) => {
    const { id, result, error } = JSON.parse(data);
    if (error) waiting.get(id)?.reject(new Error(`The inspector says: ${error.message}`));
    else waiting.get(id)?.resolve(result);
    waiting.delete(id);
  });
  socket.addEventListener("close", () => {
    for (const { reject } of waiting.values()) reject(new Error("The inspector has hung up."));
  });
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", () => reject(new Error("The inspector cannot be reached.")));
  });

  function ask(method) {
    const answer = Promise.withResolvers();
    waiting.set(++last, answer);
    socket.send(JSON.stringify({ id: last, method }));
    return answer.promise;
  }

  return {
    /** Bytes that are still needed after a collection: of the heap, and of buffers outside of it. */
    async heap() {
      await ask("Runtime.discardConsoleEntries"); // what the inspector itself remembers
      await ask("HeapProfiler.collectGarbage");
      const { usedSize, backingStorageSize } = await ask("Runtime.getHeapUsage");
      return { usedBytes: usedSize, bufferBytes: backingStorageSize ?? 0 };
    },
    /** The same as it stands, with what a collection would free. */
    async usage() {
      const { usedSize, backingStorageSize } = await ask("Runtime.getHeapUsage");
      return { usedBytes: usedSize, bufferBytes: backingStorageSize ?? 0 };
    },
    close: () => socket.close(),
  };
}
