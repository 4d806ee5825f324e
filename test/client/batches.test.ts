// What the client does with batches, against the whole Worker.

import { expect, it } from "vitest";
import * as errors from "../../client/src/errors";
import { saying } from "../support/batches";
import { connect } from "../support/client-wire";

const all = async <T>(lines: AsyncIterable<T>) => Array.fromAsync(lines);

it("a batch is started, waited for, and read line by line", async () => {
  const { errand } = connect();
  const bad = { custom_id: "bad", input: { prompt: "x", model: "sandbox/chat!status=400" } };
  const batch = await errand.batches.create("generate", { items: [saying("a"), bad, saying("b")] });
  expect(batch).toMatchObject({ object: "batch", counts: { total: 0 } });
  const ended = await errand.batches.wait(batch.id);
  expect(ended).toMatchObject({ state: "completed", counts: { completed: 2, failed: 1 } });
  const output = await all(errand.batches.output<"generate">(batch.id));
  expect(output.map(({ custom_id, output: { text } }) => [custom_id, text])).toEqual([
    ["a", "a"],
    ["b", "b"],
  ]);
  expect(await all(errand.batches.errors(batch.id))).toMatchObject([
    { custom_id: "bad", state: "failed", error: { code: "provider_bad_request" } },
  ]);
  expect((await errand.batches.list({ limit: 1 })).data).toMatchObject([
    { id: ended.id, counts: ended.counts },
  ]);
});

it("a batch of a file is estimated, cancelled and redone", async () => {
  const { errand } = connect();
  const lines = ["a", "b"].map((word) => JSON.stringify(saying(word))).join("\n");
  const { id: file_id } = await errand.files.upload(lines, { name: "items.jsonl" });
  expect(await errand.batches.estimate({ task: "generate", file_id })).toMatchObject({ items: 2, broken: 0 });
  const { id } = await errand.batches.create("generate", { file_id, delay_s: 3_600 });
  expect(await errand.batches.cancel(id)).toMatchObject({ state: "cancelled" });
  await errand.batches.retry(id);
  expect(await errand.batches.wait(id)).toMatchObject({ counts: { completed: 2 } });
  await expect(errand.batches.retry(id)).rejects.toMatchObject({ code: "nothing_to_retry" });
  await expect(errand.batches.get(file_id)).rejects.toBeInstanceOf(errors.NotFoundError);
});
