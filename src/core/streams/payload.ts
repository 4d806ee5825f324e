// What a stream holds, as text: its messages as a JSON array, bytes of any other type as a JSON string in base64.

import { toArray } from "./json-lines";
import { isJson } from "./stream";

export function toPayload(contentType: string, data: Uint8Array): string {
  return isJson(contentType) ? toArray(new TextDecoder().decode(data)) : `"${data.toBase64()}"`;
}

/** As the body of an answer: the array, or the bytes. */
export function toBody(contentType: string, payload: string): string | Uint8Array<ArrayBuffer> {
  return isJson(contentType) ? payload : Uint8Array.fromBase64(JSON.parse(payload) as string);
}
