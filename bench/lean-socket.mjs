// A lean WebSocket for one process that reads a thousand of them. It takes whole text frames only.
//
// Node's own offers compression, which `wrangler dev` accepts: it would compress each frame anew for each socket.
import { randomBytes } from "node:crypto";
import http from "node:http";

const TEXT = 1;
const CLOSE = 8;
const EMPTY = Buffer.alloc(0);

/** Where the first frame's content lies. Null: its head is not all there. */
function readHead(bytes) {
  if (bytes.length < 2) return null;
  const opcode = bytes[0] & 15;
  const isWhole = bytes[0] >> 7 === 1;
  const short = bytes[1];
  if (short < 126) return { opcode, isWhole, start: 2, end: 2 + short };
  const start = short === 126 ? 4 : 10;
  if (bytes.length < start) return null;
  const length = short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  return { opcode, isWhole, start, end: start + length };
}

/** Takes bytes as they come and calls `onText` with each message. */
function readFrames(onText) {
  let rest = EMPTY;
  return (bytes) => {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    for (let head = readHead(rest); head && head.end <= rest.length; head = readHead(rest)) {
      if (!head.isWhole) throw new Error("A frame came in parts.");
      if (head.opcode === TEXT) onText(rest.toString("utf8", head.start, head.end));
      else if (head.opcode !== CLOSE) throw new Error(`A frame of kind ${head.opcode} came.`);
      rest = rest.subarray(head.end);
    }
  };
}

/** Resolves when the server has accepted it. */
export function openLeanSocket({ url, key }, path, onText) {
  const headers = {
    authorization: `Bearer ${key}`,
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": randomBytes(16).toString("base64"),
  };
  return new Promise((resolve, reject) => {
    const request = http.request(url + path, { headers, agent: false });
    request.on("error", reject);
    request.on("response", ({ statusCode }) => reject(new Error(`GET ${path} answered ${statusCode}.`)));
    request.on("upgrade", (_, socket, head) => {
      const take = readFrames(onText);
      take(head);
      socket.on("data", take);
      socket.on("error", () => {}); // reset by a server that is stopped
      resolve({ close: () => socket.destroy() });
    });
    request.end();
  });
}
