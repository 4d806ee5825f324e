// Checks an answer against the JSON schema that was asked for.

import { type Schema, Validator } from "@cfworker/json-schema";

export type JsonSchema = Record<string, unknown>;

export type CheckedAnswer = { ok: true; value: unknown } | { ok: false; problems: string[] };

// Enough for the model to mend its answer, and for a person to see what is wrong.
const PROBLEMS_SHOWN = 10;

/** `schema` null: any JSON will do. */
export function checkAnswer(text: string, schema: JsonSchema | null): CheckedAnswer {
  const parsed = parseAnswer(text);
  if (!parsed.ok || !schema) return parsed;
  const problems = schemaMismatches(parsed.value, schema);
  return problems.length === 0 ? parsed : { ok: false, problems };
}

function parseAnswer(text: string): CheckedAnswer {
  // Servers that do not know response_format leave it to the model, and models like fences.
  const bare = text.trim().replace(/^```(?:json)?\s*\n([\s\S]*)\n\s*```$/, "$1");
  try {
    return { ok: true, value: JSON.parse(bare) };
  } catch {
    return { ok: false, problems: ["The answer is not valid JSON."] };
  }
}

function schemaMismatches(value: unknown, schema: JsonSchema): string[] {
  try {
    const { errors } = validatorOf(schema, false).validate(value);
    const places = errors.map((error) => `${error.instanceLocation}: ${error.error}`);
    return [...new Set(places)].slice(0, PROBLEMS_SHOWN);
  } catch (error) {
    // The library writes names into addresses, which cannot hold half of a surrogate pair.
    if (error instanceof URIError) return ["A name in the answer is not well-formed Unicode."];
    throw error;
  }
}

/** Throws when a $ref in the schema leads nowhere, or round in a circle. */
export function tryValidator(schema: JsonSchema): void {
  const validator = validatorOf(schema, true);
  for (const value of [null, {}, [], "", 0]) validator.validate(value);
}

// A copy, because the library writes resolved addresses into the schema it is given.
function validatorOf(schema: JsonSchema, shortCircuit: boolean): Validator {
  const copy: Schema = structuredClone(schema);
  return new Validator(copy, "2020-12", shortCircuit);
}
