// The stream of a job: what its own runs write, or what is said for it by an equal job that leads, or by the cache.
//
// Who that is can change while somebody reads. Offsets tell for which of them they are good, by their epoch; with those of
// another the reader is told that all before is void, and gets the stream from its start.

import { joined } from "../../core/bytes";
import { isErased, type Job } from "../../core/job";
import { toLine } from "../../core/streams/job-log";
import { formatOffset, parseOffset } from "../../core/streams/offset";
import { NOTHING_SAID, rollbackTo } from "../../core/streams/said";
import type { Deps } from "../../deps";
import type { From, Read } from "../../durable/stream-log";
import { errorField } from "../../log";
import { getJob } from "../../store/jobs";
import { answerSource } from "./answer-source";
import { relay } from "./opened-source";
import { logSource, type Source } from "./source";

/** Who speaks. `epoch`: what is added to the epochs of its offsets. */
type Speaker = { epoch: number; source: Source };

/** More than a log has epochs. */
const EPOCHS = 1_000_000;

export function jobSource(deps: Deps, job: Job): Source {
  if (job.cacheKey === null) return logSource(deps, job);
  let heard: { epoch: number; hangUp: AbortController } | null = null;

  async function read(from: From): Promise<Read> {
    const speaker = await findSpeaker(deps, job);
    const place = placeOf(speaker, from);
    const answer = await speaker.source.read(place ?? "start");
    if (answer.kind !== "read") return answer;
    // Whether that is the end for this job too, is known by now.
    if (answer.page.closed && !(await isSpeaking(speaker))) return read(from);
    return shifted(answer, speaker, place === null);
  }

  async function isSpeaking({ epoch }: Pick<Speaker, "epoch">): Promise<boolean> {
    return (await findSpeaker(deps, job)).epoch === epoch;
  }

  return {
    read,
    async listen(from) {
      const speaker = await findSpeaker(deps, job);
      const place = placeOf(speaker, from);
      const socket = place && (await speaker.source.listen(place));
      if (!socket) return null;
      const hangUp = new AbortController();
      heard = { epoch: speaker.epoch, hangUp };
      return relay(socket, (frame) => shiftedFrame(frame, speaker, isSpeaking), hangUp.signal);
    },
    async lookAfter() {
      try {
        const speaker = await findSpeaker(deps, job);
        if (heard && heard.epoch !== speaker.epoch) heard.hangUp.abort();
        await speaker.source.lookAfter();
      } catch (error) {
        deps.log("stream_not_looked_after", { job: job.id, error: errorField(error) });
      }
    },
  };
}

/** As the database has it now. */
async function findSpeaker(deps: Deps, asked: Job): Promise<Speaker> {
  const job = await getJob(deps.db, asked);
  if (!job) return { epoch: 0, source: logSource(deps, asked) };
  const { projectId, id } = job;
  const leader = job.follows === null ? null : await getJob(deps.db, { projectId, id: job.follows });
  const isLed = job.state === "waiting" || (job.state === "completed" && leader?.state === "completed");
  if (leader?.stream && isLed && !isErased(leader)) {
    return { epoch: epochOf(leader.id), source: logSource(deps, leader) };
  }
  if (job.cached !== null) return { epoch: epochOf(`${id}/answer`), source: answerSource(deps, job) };
  return { epoch: 0, source: logSource(deps, job) };
}

/** FNV-1a, 32 bits: offsets of one speaker are as good as never taken for those of another. */
function epochOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return ((hash >>> 0) + 1) * EPOCHS;
}

/** Null: what was read up to there was said by another. */
function placeOf(speaker: Speaker, from: From): From | null {
  if (typeof from === "string") return from;
  if (from.epoch === 0 && from.at === 0) return "start";
  const epoch = from.epoch - speaker.epoch;
  return epoch >= 0 && epoch < EPOCHS ? { epoch, at: from.at } : null;
}

function shifted(answer: Extract<Read, { kind: "read" }>, { epoch }: Speaker, isAnew: boolean): Read {
  const { page, stream } = answer;
  const data = isAnew ? joined([VOID, page.data]) : page.data;
  return {
    ...answer,
    page: { ...page, data, epoch: page.epoch + epoch },
    stream: { ...stream, next: { ...stream.next, epoch: stream.next.epoch + epoch } },
  };
}

const VOID = new TextEncoder().encode(toLine(rollbackTo(formatOffset({ epoch: 0, at: 0 }), NOTHING_SAID)));

const FRAME = /^\{"offset":"(\d+_\d+)","closed":(true|false)/;

/** Throws when the end is not the end of this job. */
async function shiftedFrame(
  frame: string,
  { epoch }: Speaker,
  isSpeaking: (speaker: { epoch: number }) => Promise<boolean>,
): Promise<string> {
  const [head = "", offset = "", closed = ""] = FRAME.exec(frame) ?? [];
  if (closed === "true" && !(await isSpeaking({ epoch }))) throw new Error("another goes on");
  const place = parseOffset(offset) ?? { epoch: 0, at: 0 };
  const shiftedOffset = formatOffset({ ...place, epoch: place.epoch + epoch });
  return `{"offset":"${shiftedOffset}","closed":${closed}${frame.slice(head.length)}`;
}
