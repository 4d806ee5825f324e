// Templates: text with `{{variables}}`, in a string or anywhere in a JSON value.

const VARIABLE = /\{\{([^{}]+)\}\}/g;

/** The names of its variables, each once. */
export function variablesOf(template: unknown): string[] {
  const names = stringsOf(template).flatMap((text) =>
    [...text.matchAll(VARIABLE)].map(([, name = ""]) => name.trim()),
  );
  return [...new Set(names)];
}

/** With each variable replaced, once: what a value itself has in braces stays as it is. */
export function fillTemplate<T>(template: T, lookUp: (name: string) => string): T {
  return fill(template, lookUp) as T;
}

function fill(template: unknown, lookUp: (name: string) => string): unknown {
  if (typeof template === "string")
    return template.replace(VARIABLE, (_, name: string) => lookUp(name.trim()));
  if (Array.isArray(template)) return template.map((one) => fill(one, lookUp));
  if (typeof template !== "object" || template === null) return template;
  return Object.fromEntries(Object.entries(template).map(([key, value]) => [key, fill(value, lookUp)]));
}

function stringsOf(template: unknown): string[] {
  if (typeof template === "string") return [template];
  if (typeof template !== "object" || template === null) return [];
  return Object.values(template).flatMap(stringsOf);
}
