// The limits that a stand-in provider enforces: requests and tokens a minute, as buckets that fill continuously.
import { now } from "./measure.mjs";

/** A bucket that holds `burstS` seconds of its rate; `perMinute` 0: no limit. */
class Bucket {
  constructor(perMinute, burstS) {
    this.perMinute = perMinute;
    this.size = (perMinute * burstS) / 60;
    this.level = this.size;
    this.at = now();
  }

  fill() {
    const at = now();
    this.level = Math.min(this.size, this.level + ((at - this.at) * this.perMinute) / 60_000);
    this.at = at;
  }

  /** Seconds until `amount` is there. */
  wait(amount) {
    if (this.perMinute === 0) return 0;
    return Math.max(0, ((Math.min(amount, this.size) - this.level) * 60) / this.perMinute);
  }

  headers(kind) {
    if (this.perMinute === 0) return {};
    const resetS = ((this.size - this.level) * 60) / this.perMinute;
    return {
      [`x-ratelimit-limit-${kind}`]: String(this.perMinute),
      [`x-ratelimit-remaining-${kind}`]: String(Math.max(0, Math.floor(this.level))),
      [`x-ratelimit-reset-${kind}`]: `${resetS.toFixed(3)}s`,
    };
  }
}

/** `announces`: whether answers tell the limits in x-ratelimit headers. */
export function createLimits({ rpm = 0, tpm = 0, burst_s: burstS = 60, announces = true } = {}) {
  const requests = new Bucket(rpm, burstS);
  const tokens = new Bucket(tpm, burstS);
  const startedAt = now();
  const seen = { given: 0, refused: 0, tokens_by_second: [], calls_by_second: [] };
  const headers = () => (announces ? { ...requests.headers("requests"), ...tokens.headers("tokens") } : {});

  return {
    /** A call that uses so many tokens comes in. Returns the headers of its answer; `refused`: it is a 429. */
    take(count) {
      requests.fill();
      tokens.fill();
      const waitS = Math.max(requests.wait(1), tokens.wait(count));
      if (waitS > 0) {
        seen.refused += 1;
        return { refused: true, headers: { ...headers(), "retry-after": waitS.toFixed(3) } };
      }
      requests.level -= 1;
      tokens.level -= count;
      seen.given += 1;
      const second = Math.floor((now() - startedAt) / 1_000);
      seen.tokens_by_second[second] = (seen.tokens_by_second[second] ?? 0) + count;
      seen.calls_by_second[second] = (seen.calls_by_second[second] ?? 0) + 1;
      return { refused: false, headers: headers() };
    },
    seen: () => ({
      ...seen,
      tokens_by_second: Array.from(seen.tokens_by_second, (count) => count ?? 0),
      calls_by_second: Array.from(seen.calls_by_second, (count) => count ?? 0),
    }),
  };
}
