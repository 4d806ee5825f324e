// Where a job may run: its targets in order, and the decision where it goes after a failure.

import type { AppError, ErrorCode } from "./errors";

/** One model by one key. */
export type Target = {
  /** `provider/model`. */
  model: string;
  /** The name of the secret, when the provider has several; never the key itself. */
  key: string | null;
  /** It can do nothing for this job: wrong key, no credit, a context that is too small. */
  out?: true;
};

/** `at`: the present target; `failures`: how often it has failed in a row. */
export type Route = { targets: Target[]; at: number; failures: number };

/** Models in the order in which they are to be tried, each with its keys. */
export type Choice = { model: string; keys: string[]; weight: number | null };

/**
 * The targets of a new job. With weights the first model is drawn by them (one without a weight counts 1), and the others
 * follow as they are listed; without weights the list itself is the order. Of a model's keys each is equally likely to be
 * the first, so that jobs spread over the limits of all of them.
 */
export function drawTargets(choices: Choice[], random: () => number): Target[] {
  const first = drawFirst(choices, random);
  const others = choices.filter((choice) => choice !== first);
  return [...(first ? [first] : []), ...others].flatMap(({ model, keys }): Target[] => {
    if (keys.length < 2) return [{ model, key: null }];
    const start = Math.floor(random() * keys.length);
    return [...keys.slice(start), ...keys.slice(0, start)].map((key) => ({ model, key }));
  });
}

function drawFirst(choices: Choice[], random: () => number): Choice | undefined {
  if (choices.every(({ weight }) => weight === null)) return choices[0];
  const weightOf = (choice: Choice) => choice.weight ?? 1;
  let rest = random() * choices.reduce((sum, choice) => sum + weightOf(choice), 0);
  const drawn = choices.find((choice) => {
    rest -= weightOf(choice);
    return rest < 0;
  });
  return drawn ?? choices[0];
}

/** Null when there is only one place to go. */
export function routeOver(targets: Target[]): Route | null {
  return targets.length > 1 ? { targets, at: 0, failures: 0 } : null;
}

export function parseRoute(json: string | null): Route | null {
  // Written by this code, so its type is known.
  return json === null ? null : (JSON.parse(json) as Route);
}

/** Null: the route is not one of this code, or empty. */
export function presentTarget(route: Route | null): Target | null {
  return route?.targets[route.at] ?? null;
}

/**
 * none: the job fails. same: the same target again, after a backoff. next: another target, at once unless the round begins
 * anew, for then every target has had its turn.
 */
export type Step = { kind: "none" } | { kind: "same" | "next"; route: Route; backsOff: boolean };

/** Failures of what is called, and not of what is asked: another target may well answer. */
const OF_THE_POOL: ErrorCode[] = [
  "provider_error",
  "provider_unreachable",
  "provider_timeout",
  "provider_rate_limited",
  "stream_cut",
];

/** No waiting mends these, where another key or model may. */
const OF_THE_TARGET: ErrorCode[] = [
  "provider_auth",
  "provider_key_missing",
  "provider_quota",
  "provider_not_found",
  "unknown_model",
];

/** Failures in a row on a target before the next one is taken. */
const PATIENCE = 2;

/** What comes after this failure. `attempt`: tries used so far, this one included. */
export function nextStep(
  route: Route,
  error: Pick<AppError, "code" | "retryable">,
  attempt: number,
  maxAttempts: number,
): Step {
  if (attempt >= maxAttempts) return { kind: "none" };
  if (OF_THE_TARGET.includes(error.code)) return leave(route, isPresent(route));
  if (error.code === "context_too_long") return leave(route, isPresentModel(route));
  if (!OF_THE_POOL.includes(error.code)) return error.retryable ? stay(route) : { kind: "none" };
  // The provider itself said that this is in vain (`x-should-retry`).
  if (!error.retryable) return leave(route, isPresent(route));
  const failures = route.failures + 1;
  const next = failures >= PATIENCE ? advance(route) : null;
  return next ?? stay({ ...route, failures });
}

function stay(route: Route): Step {
  return { kind: "same", route, backsOff: true };
}

/** Goes on without the targets that are `out`; none is left: the job fails as it would without a route. */
function leave(route: Route, out: (target: Target) => boolean): Step {
  const targets = route.targets.map((target) => (out(target) ? { ...target, out: true as const } : target));
  return advance({ ...route, targets }) ?? { kind: "none" };
}

function isPresent(route: Route): (target: Target) => boolean {
  return (target) => target === route.targets[route.at];
}

function isPresentModel(route: Route): (target: Target) => boolean {
  return (target) => target.model === presentTarget(route)?.model;
}

/** To the next target in the round that is not out; null: there is no other. */
function advance(route: Route): Step | null {
  const { targets, at } = route;
  const round = [...targets.keys()].map((i) => (at + 1 + i) % targets.length);
  const to = round.find((i) => i !== at && !targets[i]?.out);
  if (to === undefined) return null;
  return { kind: "next", route: { targets, at: to, failures: 0 }, backsOff: to < at };
}

/** The targets behind the present one, each as the route that leads there: for a job whose turn does not come here. */
export function routesAhead(route: Route): Route[] {
  return route.targets.flatMap((target, i) =>
    i > route.at && !target.out ? [{ targets: route.targets, at: i, failures: 0 }] : [],
  );
}
