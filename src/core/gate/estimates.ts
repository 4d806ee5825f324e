// How many tokens a call will use: learned from what calls have used.

export type Cost = { tokens: number; variance: number };
export type CallSize = { inputChars: number; maxOutputTokens: number | null };
export type EstimatesMemory = {
  charsPerToken: number;
  inputNoise: number;
  tokensPerCall: number;
  tasks: [task: string, samples: number, mean: number, variance: number][];
};

type Output = { samples: number; mean: number; variance: number };

const START_CHARS_PER_TOKEN = 4;
const START_OUTPUT = 500;
/** From so many samples on the mean is worth more than the job's own maximum, which few answers reach. */
const ENOUGH_SAMPLES = 20;
/** The share of the newest sample. A mean of the last 1 / NEWEST samples or so is itself off, for all that are in flight. */
export const NEWEST = 0.01;
const MOST_TASKS = 100;

export class Estimates {
  private chars: number;
  private tokens = 1_000;
  /** Variance of the input's tokens relative to what was expected of them. */
  private inputNoise: number;
  private perCall: number;
  private readonly tasks: Map<string, Output>;

  constructor(memory: EstimatesMemory | null) {
    this.chars = this.tokens * (memory?.charsPerToken ?? START_CHARS_PER_TOKEN);
    this.inputNoise = memory?.inputNoise ?? 0.05;
    this.perCall = memory?.tokensPerCall ?? 0;
    this.tasks = new Map(
      memory?.tasks.map(([task, samples, mean, variance]) => [task, { samples, mean, variance }]),
    );
  }

  get charsPerToken(): number {
    return Math.max(1, Math.min(10, this.chars / this.tokens));
  }

  /** What a call of any task takes on average, once known. */
  get tokensPerCall(): number {
    return this.perCall || START_OUTPUT;
  }

  cost(task: string, { inputChars, maxOutputTokens }: CallSize): Cost {
    const input = inputChars / this.charsPerToken;
    const output = this.output(task, maxOutputTokens);
    return {
      tokens: Math.max(1, Math.round(input + output.tokens)),
      variance: input * input * this.inputNoise + output.variance,
    };
  }

  learnInput(inputChars: number, inputTokens: number): void {
    if (inputChars <= 0 || inputTokens <= 0) return;
    const off = inputTokens / (inputChars / this.charsPerToken) - 1;
    this.inputNoise += NEWEST * (Math.min(4, off * off) - this.inputNoise);
    this.chars = this.chars * (1 - NEWEST) + inputChars;
    this.tokens = this.tokens * (1 - NEWEST) + inputTokens;
  }

  learnOutput(task: string, outputTokens: number): void {
    const known = this.tasks.get(task) ?? { samples: 0, mean: START_OUTPUT, variance: START_OUTPUT ** 2 / 4 };
    // Later samples weigh more than earlier ones, so that the start value is soon forgotten.
    const growing = 2 / (known.samples + 3);
    const share = Math.max(NEWEST, growing);
    const off = outputTokens - known.mean;
    known.mean += share * off;
    known.variance += Math.max(NEWEST / 4, growing) * ((1 - share) * off * off - known.variance);
    known.samples++;
    // Moved to the end: the first of the map is the one that was not used for the longest time.
    this.tasks.delete(task);
    this.tasks.set(task, known);
    const [oldest] = this.tasks.keys();
    if (this.tasks.size > MOST_TASKS && oldest !== undefined) this.tasks.delete(oldest);
  }

  learnCall(tokens: number): void {
    this.perCall = this.perCall === 0 ? tokens : this.perCall + NEWEST * (tokens - this.perCall);
  }

  /** Mean output by task. */
  outputs(): Record<string, number> {
    return Object.fromEntries([...this.tasks].map(([task, { mean }]) => [task, Math.round(mean)]));
  }

  memory(): EstimatesMemory {
    return {
      charsPerToken: this.charsPerToken,
      inputNoise: this.inputNoise,
      tokensPerCall: this.perCall,
      // A name has no bound of its own here, and what is remembered has.
      tasks: [...this.tasks]
        .filter(([task]) => task.length <= 200)
        .map(([task, { samples, mean, variance }]) => [task, samples, mean, variance]),
    };
  }

  private output(task: string, most: number | null): Cost {
    const known = this.tasks.get(task);
    if (most !== null && (known === undefined || known.samples < ENOUGH_SAMPLES))
      return { tokens: most, variance: 0 };
    if (known === undefined) return { tokens: START_OUTPUT, variance: START_OUTPUT ** 2 / 4 };
    return { tokens: Math.min(known.mean, most ?? known.mean), variance: known.variance };
  }
}
