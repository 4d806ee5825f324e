// A wire between a browser and a server that can be cut: Chromium, set offline, only refuses what is asked from then on.
import net from "node:net";

export async function layWire(port) {
  const ends = new Set();
  const wire = net.createServer((near) => {
    const far = net.connect(port, "127.0.0.1");
    for (const [end, other] of [
      [near, far],
      [far, near],
    ]) {
      ends.add(end);
      end.on("error", () => {});
      end.once("close", () => {
        ends.delete(end);
        other.destroy();
      });
      end.pipe(other);
    }
  });
  const cut = () => {
    for (const end of ends) end.destroy();
  };
  await new Promise((resolve) => wire.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${wire.address().port}`,
    cut,
    async stop() {
      cut();
      await new Promise((resolve) => wire.close(resolve));
    },
  };
}
