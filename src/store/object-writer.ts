// Writes an object whose length nobody knows yet: at once if it is small, else by parts of an R2 multipart upload.

import type { JobKey } from "./db";
import { deleteObjects, reach, type Storage } from "./objects";
import { CHUNK_BYTES, chunkBytesOf, chunkOptions, PART_BYTES, sealChunks } from "./sealed-chunks";

/** What most objects fit into. The buffer grows to a part when it must. */
const FIRST_BUFFER_BYTES = 65_536;

const CHUNKS_OF_A_PART = PART_BYTES / CHUNK_BYTES;

export type Written = { bytes: number; sha256: string };

/** Holds one part, and a second time under its seal. One call at a time; after one that threw, only `abort`. */
export class ObjectWriter {
  private buffer = new Uint8Array(FIRST_BUFFER_BYTES);
  private held = 0;
  private bytes = 0;
  private upload: R2MultipartUpload | null = null;
  private readonly parts: R2UploadedPart[] = [];
  private readonly digest = new crypto.DigestStream("SHA-256");
  private readonly hasher = this.digest.getWriter();

  /** `owner`: whose the object is, for its seal. */
  constructor(
    private readonly storage: Storage,
    private readonly owner: JobKey,
    private readonly key: string,
  ) {
    // Of an object that is given up nobody asks for it.
    this.digest.digest.catch(() => {});
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.hasher.write(bytes);
    this.bytes += bytes.byteLength;
    for (let at = 0; at < bytes.byteLength; ) {
      // Not before there is more: the last part must not be empty.
      if (this.held === PART_BYTES) await this.putPart();
      at += this.hold(bytes.subarray(at));
    }
  }

  /** The object is there from now on. */
  async close(): Promise<Written> {
    await this.hasher.close();
    const { upload } = this;
    if (upload === null) {
      await this.putWhole();
    } else {
      await this.putPart();
      await reach(upload.complete(this.parts));
    }
    const digest = new Uint8Array(await this.digest.digest);
    return { bytes: this.bytes, sha256: digest.toHex() };
  }

  /** Nothing is left of it, also after `close`. */
  async abort(): Promise<void> {
    this.hasher.abort().catch(() => {});
    // Should this fail, R2 gives up the upload by itself after a week.
    await this.upload?.abort().catch(() => {});
    await deleteObjects(this.storage.bucket, [this.key]);
  }

  /** As much of the bytes as the part still takes; returns how many. */
  private hold(bytes: Uint8Array): number {
    const taken = bytes.subarray(0, PART_BYTES - this.held);
    const needed = this.held + taken.byteLength;
    if (needed > this.buffer.byteLength) {
      const larger = new Uint8Array(Math.min(PART_BYTES, Math.max(needed, 2 * this.buffer.byteLength)));
      larger.set(this.buffer.subarray(0, this.held));
      this.buffer = larger;
    }
    this.buffer.set(taken, this.held);
    this.held = needed;
    return taken.byteLength;
  }

  private async putWhole(): Promise<void> {
    const stored = await this.sealed(0);
    await reach(this.storage.bucket.put(this.key, stored, this.options()));
  }

  private async putPart(): Promise<void> {
    const { bucket } = this.storage;
    this.upload ??= await reach(bucket.createMultipartUpload(this.key, this.options()));
    const done = this.parts.length;
    const stored = await this.sealed(done * CHUNKS_OF_A_PART);
    this.parts.push(await reach(this.upload.uploadPart(done + 1, stored)));
    this.held = 0;
  }

  private sealed(firstChunk: number): Promise<Uint8Array> {
    return sealChunks(this.storage.vault, this.owner, firstChunk, this.buffer.subarray(0, this.held));
  }

  private options() {
    return chunkOptions(chunkBytesOf(this.storage.vault));
  }
}
