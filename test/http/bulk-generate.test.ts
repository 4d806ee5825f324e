// A template over the rows of a table: each row is asked once, and comes back beside its answer.

import { describe, expect, it, vi } from "vitest";
import { childId } from "../../src/core/children";
import { csvLine } from "../../src/core/csv-line";
import { CsvReader } from "../../src/core/csv-reader";
import { writeJobFile } from "../../src/engine/job-files";
import { writeProse } from "../../src/llm/sandbox/prose";
import { endedBatch, linesOf, textOf, theBatch, uploadLines } from "../support/batches";
import { testDeps } from "../support/deps";
import { upload } from "../support/files";
import { call, expectError, finish, generate, type List, open } from "../support/http-client";
import { theJob } from "../support/rows";

const model = "sandbox/chat";

async function start(input: object, over: object = {}): Promise<string> {
  const json = { task: "bulk_generate", input: { model, ...input }, ...over };
  const { status, body, text } = await call("POST", "/v1/jobs", { json });
  expect(status, text).toBe(202);
  return body.id;
}

/** What the sandbox says to this. */
const answerTo = (prompt: string) => writeProse(prompt, 0);

function readCsv(text: string): string[][] {
  const reader = new CsvReader(1_000_000);
  const records = [...reader.take(new TextEncoder().encode(text)), ...reader.end()];
  return records.map((record) => (record.problem === null ? record.fields : [record.problem]));
}

const csv = (...rows: unknown[][]) => rows.map((row) => csvLine(row)).join("");

async function uploadCsv(text: string): Promise<string> {
  return (await upload(text, { name: "rows.csv" })).id;
}

const cities = [
  { city: "Lisbon", note: "sunny, warm" },
  { city: "São Paulo", note: 'called "Sampa"\nby its people' },
  { city: "=1+1", note: "-5" },
];

describe("a bulk of rows", () => {
  it("of a CSV file gives a CSV file: the columns as they were, and the text of each row", async () => {
    const file_id = await uploadCsv(`\u{feff}${csv(["city", "note"], ...cities.map(Object.values))}`);
    const id = await start({ template: "About {{city}}: {{ note }}", file_id });
    const { counts, lane } = await endedBatch(id);
    expect([counts.completed, counts.failed, lane]).toEqual([3, 0, "bulk"]);
    const response = await open("GET", `/v1/batches/${id}/output`);
    expect(response.headers.get("content-type")).toBe("text/csv; charset=utf-8");
    expect(readCsv(await response.text())).toEqual([
      ["city", "note", "output"],
      ...cities.map(({ city, note }) => [city, note, answerTo(`About ${city}: ${note}`)]),
    ]);
  });

  it("of JSON Lines gives JSON Lines with the row, the job and what it has used", async () => {
    const file_id = await uploadLines(cities);
    const id = await start({ template: "{{city}}!", file_id, instructions: "Be brief." });
    await endedBatch(id);
    const lines = await linesOf(id, "output");
    expect(lines.map(({ index, row, job, output }) => [index, row, job, output?.text])).toEqual(
      cities.map((row, i) => [i, row, childId(id, i), answerTo(`${row.city}!`)]),
    );
    const { body } = await call(`GET`, `/v1/jobs/${childId(id, 0)}/input`);
    expect(body).toEqual({ model, prompt: "Lisbon!", instructions: "Be brief." });
  });

  it("fills messages, with values that are not text as JSON, and gives CSV of them with all their columns", async () => {
    const messages = [{ role: "user", content: [{ type: "text", text: "{{a}} {{b}}" }] }];
    const rows: Record<string, unknown>[] = [
      { a: 5, b: { x: [1] }, constructor: "c" },
      { a: null, b: "{{a}}", output: "taken" },
    ];
    const id = await start({ messages, rows, output: "csv" });
    await endedBatch(id);
    expect(readCsv(await textOf(id, "output"))).toEqual([
      ["a", "b", "constructor", "output", "output_2"],
      ["5", '{"x":[1]}', "c", "", answerTo('5 {"x":[1]}')],
      ["", "{{a}}", "", "taken", answerTo(" {{a}}")],
    ]);
  });

  it("reads more rows than a slice has, of several lines each, and keeps their order", async () => {
    const rows = Array.from({ length: 603 }, (_, i) => [`n${i}`, `first\nsecond ${i}`]);
    const file_id = await uploadCsv(`${csv(["name", "lines"], ...rows)}short\r\n`);
    const id = await start({ template: "{{name}}", file_id });
    expect((await endedBatch(id)).counts).toMatchObject({ total: 604, completed: 603 });
    const [, ...out] = readCsv(await textOf(id, "output"));
    expect(out).toEqual(rows.map(([name = "", lines = ""]) => [name, lines, answerTo(name)]));
    // Each row has two lines.
    expect((await linesOf(id, "errors"))[0]?.error?.message).toMatch(/^line 1208: expected 2 fields/);
  }, 60_000);

  it("tells of each row that cannot be asked by its line, and asks the others", async () => {
    const text = 'city,note\nLisbon,a\nLima\n"Porto,\nPortugal",b\nRome,c,d\nParis,e\n';
    const id = await start({ template: "{{city}}", file_id: await uploadCsv(text) });
    expect((await endedBatch(id)).counts).toMatchObject({ total: 5, completed: 3, failed: 2 });
    const problems = (await linesOf(id, "errors")).map(({ error }) => `${error?.code} ${error?.message}`);
    expect(problems).toEqual([
      "item_invalid line 3: expected 2 fields, as the header has, but there are 1",
      "item_invalid line 6: expected 2 fields, as the header has, but there are 3",
    ]);
    const [, ...out] = readCsv(await textOf(id, "output"));
    expect(out.map(([city]) => city)).toEqual(["Lisbon", "Porto,\nPortugal", "Paris"]);
  });

  it("of which one lacks a variable names the variable, and the columns that there are", async () => {
    const file_id = await uploadLines([{ city: "Lisbon", zip: 1 }, { town: "Rome", zip: 2 }, "[1]", "{"]);
    const id = await start({ template: "{{city}}", file_id });
    expect((await endedBatch(id)).counts).toMatchObject({ completed: 1, failed: 3 });
    expect((await linesOf(id, "errors")).map(({ error }) => error?.message)).toEqual([
      'line 2: there is no "city" for the template. There are: town, zip.',
      "line 3: expected a JSON object, whose fields are the variables",
      "line 4: expected a JSON object, whose fields are the variables",
    ]);
  });
});

describe("a bulk that does not run through", () => {
  it.each([
    ["a column twice", "a,b,a\n1,2,3\n", /the column "a" is there twice/],
    ["no header", "", /it is empty/],
  ])("of a CSV file with %s fails and says so", async (_, text, message) => {
    const id = await start({ template: "{{a}}", file_id: await uploadCsv(text), format: "csv" });
    const { error } = await endedBatch(id, "failed");
    expect([error?.code, error?.message]).toEqual(["input_invalid", expect.stringMatching(message)]);
  });

  it("shows what is there so far, and redoes only the rest", async () => {
    const slow = "sandbox/chat!tokens=9000,tps=50";
    const file_id = await uploadCsv(csv(["city"], ["Rome"], ["Lima"]));
    const id = await start({ template: "{{city}}", file_id, model: slow });
    await vi.waitFor(async () => expect((await theBatch(id)).counts.total).toBe(2), 10_000);
    expect(readCsv(await textOf(id, "output"))).toEqual([["city", "output"]]);
    expect((await call("GET", `/v1/jobs/${id}/files`)).body).toEqual({ object: "list", data: [] });
    await call("POST", `/v1/batches/${id}/cancel`);
    await vi.waitFor(async () => expect((await theBatch(id)).counts.open).toBe(0), 10_000);
    expect((await linesOf(id, "errors")).map(({ state }) => state)).toEqual(["cancelled", "cancelled"]);
    expect((await call("POST", `/v1/batches/${id}/retry`)).status).toBe(202);
    await call("POST", `/v1/batches/${id}/cancel`);
  }, 30_000);

  it("is refused with a model that there is not, before any row is", async () => {
    const input = { template: "{{a}}", rows: [{ a: 1 }], model: "nowhere/chat" };
    const answer = await call("POST", "/v1/jobs", { json: { task: "bulk_generate", input } });
    expectError(answer, "unknown_model", "input.model");
  });

  it.each<[string, object, string]>([
    ["neither template nor messages", { rows: [{}] }, "input.template"],
    ["neither rows nor a file", { template: "a" }, "input.rows"],
    ["a prompt", { template: "a", rows: [{}], prompt: "b" }, "input"],
    ["a row that is no object", { template: "a", rows: ["b"] }, "input.rows[0]"],
  ])("is refused with %s", async (_, input, param) => {
    const answer = await call("POST", "/v1/jobs", { json: { task: "bulk_generate", input } });
    expectError(answer, "input_invalid", param);
  });
});

describe("a bulk as a job", () => {
  it("is among batches, and its files are those of its job", async () => {
    const id = await start({ template: "{{a}}", rows: [{ a: 1 }] }, { channel: "of-bulks" });
    await endedBatch(id);
    const { body } = await call<List<{ id: string }>>("GET", "/v1/batches?channel=of-bulks");
    expect(body.data.map((one) => one.id)).toEqual([id]);
    const output = await textOf(id, "output");
    const files = [
      { name: "errors.jsonl", bytes: 0, content_type: "application/jsonl" },
      { name: "output.jsonl", bytes: output.length, content_type: "application/jsonl" },
    ];
    expect((await call<List<unknown>>("GET", `/v1/jobs/${id}/files`)).body.data).toEqual(files);
    const whole = await open("GET", `/v1/jobs/${id}/files/output.jsonl`);
    expect([whole.status, await whole.text()]).toEqual([200, output]);
    const part = await open("GET", `/v1/jobs/${id}/files/output.jsonl`, { headers: { range: "bytes=2-6" } });
    expect([part.status, part.headers.get("content-range"), await part.text()]).toEqual([
      206,
      `bytes 2-6/${output.length}`,
      output.slice(2, 7),
    ]);
    for (const name of ["none", "output", "..%2Finput", "1%2Foutput.jsonl"])
      expectError(await call("GET", `/v1/jobs/${id}/files/${name}`), "not_found");
  });

  it("that has not completed shows none of the files that its runs have written", async () => {
    const { id } = await finish(generate({}, "sandbox/chat!status=400"));
    await writeJobFile(testDeps(), await theJob(id, "default"), "a.txt", new Blob(["half"]).stream());
    expect((await call("GET", `/v1/jobs/${id}/files`)).body).toEqual({ object: "list", data: [] });
    expectError(await call("GET", `/v1/jobs/${id}/files/a.txt`), "not_found");
  });
});
