// Encryption at rest: what a job holds is sealed before it is stored, and opened where a run or an answer needs it.
//
// AES-256-GCM under a key derived for each project (HKDF-SHA-256), with a fresh 96-bit nonce for each text. The job is
// authenticated with it, so that one job's text cannot be put into another's row. A sealed text names its key: the first key
// of ENCRYPTION_KEYS seals, all of them open, which is how keys are changed without downtime (docs/operations.md).

import { joined } from "../core/bytes";
import { AppError } from "../core/errors";
import type { EncryptionKey } from "../env";
import type { JobKey } from "./db";

export type Vault = {
  /** False without keys: then everything is stored as it is. */
  readonly seals: boolean;
  /** By how much a seal makes bytes longer. */
  readonly overheadBytes: number;
  sealBytes(about: JobKey, bytes: Uint8Array): Promise<Uint8Array>;
  /** Bytes that were stored without a seal come back as they are. Throws `seal_broken`. */
  openBytes(about: JobKey, bytes: Uint8Array): Promise<Uint8Array>;
  sealText(about: JobKey, text: string): Promise<string>;
  openText(about: JobKey, text: string): Promise<string>;
};

/** No JSON text begins like this. After it: the length of the key's name, the name, the nonce, the sealed bytes. */
const MARK = "sealed:";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const mark = encoder.encode(MARK);

export function createVault(keys: EncryptionKey[]): Vault {
  const keyOf = rememberKeys();
  const [current] = keys;

  async function sealBytes(about: JobKey, bytes: Uint8Array): Promise<Uint8Array> {
    if (!current) return bytes;
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    const sealed = await crypto.subtle.encrypt(
      { name: "AES-GCM", iv: nonce, additionalData: nameOf(about) },
      await keyOf(current, about.projectId),
      bytes,
    );
    const id = encoder.encode(current.id);
    return joined([mark, Uint8Array.of(id.byteLength), id, nonce, new Uint8Array(sealed)]);
  }

  async function openBytes(about: JobKey, bytes: Uint8Array): Promise<Uint8Array> {
    if (!mark.every((byte, i) => bytes[i] === byte)) return bytes;
    const nonceAt = mark.byteLength + 1 + (bytes[mark.byteLength] ?? 0);
    const id = decoder.decode(bytes.subarray(mark.byteLength + 1, nonceAt));
    const key = keys.find((known) => known.id === id);
    if (!key) throw new AppError("seal_broken", { message: `ENCRYPTION_KEYS has no key "${id}".` });
    const iv = bytes.subarray(nonceAt, nonceAt + NONCE_BYTES);
    try {
      const opened = await crypto.subtle.decrypt(
        { name: "AES-GCM", iv, additionalData: nameOf(about) },
        await keyOf(key, about.projectId),
        bytes.subarray(nonceAt + NONCE_BYTES),
      );
      return new Uint8Array(opened);
    } catch (error) {
      throw new AppError("seal_broken", { cause: error });
    }
  }

  return {
    seals: current !== undefined,
    overheadBytes: current ? mark.byteLength + 1 + current.id.length + NONCE_BYTES + TAG_BYTES : 0,
    sealBytes,
    openBytes,
    async sealText(about, text) {
      if (!current) return text;
      const sealed = await sealBytes(about, encoder.encode(text));
      return MARK + sealed.subarray(mark.byteLength).toBase64();
    },
    async openText(about, text) {
      if (!text.startsWith(MARK)) return text;
      const sealed = joined([mark, Uint8Array.fromBase64(text.slice(MARK.length))]);
      return decoder.decode(await openBytes(about, sealed));
    },
  };
}

/** Deriving takes longer than sealing a short text. */
const REMEMBERED_KEYS = 1_000;

function rememberKeys() {
  // Keys, not promises of them: those would die with the request that asked.
  const derived = new Map<string, CryptoKey>();
  return async (key: EncryptionKey, projectId: string): Promise<CryptoKey> => {
    const name = `${key.id}/${projectId}`;
    const known = derived.get(name);
    if (known) return known;
    const made = await derive(await importRoot(key), projectId);
    // Full: forget the oldest (a Map keeps the order of insertion).
    if (derived.size >= REMEMBERED_KEYS) derived.delete(derived.keys().next().value ?? "");
    derived.set(name, made);
    return made;
  };
}

function importRoot({ secret }: EncryptionKey): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
}

function derive(root: CryptoKey, projectId: string): Promise<CryptoKey> {
  const info = encoder.encode(`errand/project/${projectId}`);
  const hkdf = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info };
  return crypto.subtle.deriveKey(hkdf, root, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

function nameOf({ projectId, id }: JobKey): Uint8Array {
  return encoder.encode(`${projectId}/${id}`);
}
