// The stream of a job that was answered by the cache: all that was said in one piece, and the end.

import type { WholeJob } from "../../core/job";
import { answerMessages } from "../../core/streams/answer-messages";
import { toLine } from "../../core/streams/job-log";
import { formatOffset } from "../../core/streams/offset";
import { toPayload } from "../../core/streams/payload";
import type { Deps } from "../../deps";
import type { From, Read } from "../../durable/stream-log";
import { loadOutput } from "../../store/outputs";
import type { Source } from "./source";

const JSON_TYPE = "application/json";

export function answerSource(deps: Deps, job: WholeJob): Source {
  async function read(from: From): Promise<Read> {
    const output = await loadOutput(deps, job);
    const lines = answerMessages(output === null ? null : JSON.parse(output)).map(toLine);
    const data = new TextEncoder().encode(lines.join(""));
    const end = data.byteLength;
    const at = from === "start" ? 0 : from === "now" ? end : from.at;
    // It comes in one piece: no place in between was given out.
    if (at !== 0 && at !== end) return { kind: "bad_offset" };
    const stream = {
      contentType: JSON_TYPE,
      ttlS: null,
      expiresAt: null,
      closed: true,
      next: { epoch: 0, at: end },
    };
    return {
      kind: "read",
      stream,
      page: { data: data.subarray(at), next: end, epoch: 0, upToDate: true, closed: true },
    };
  }

  return {
    read,
    async listen(from) {
      const answer = await read(from);
      if (answer.kind !== "read") return null;
      const { 0: outer, 1: ours } = new WebSocketPair();
      ours.accept();
      const { data, next, epoch } = answer.page;
      const offset = formatOffset({ epoch, at: next });
      ours.send(`{"offset":"${offset}","closed":true,"data":${toPayload(JSON_TYPE, data)}}`);
      ours.close(1000, "done");
      return outer;
    },
    lookAfter: async () => {},
  };
}
