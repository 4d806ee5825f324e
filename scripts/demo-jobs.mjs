// What the demo submits: one job of each kind that a writing assistant would have.

const BULK = 50;

const NOTES = ["soil", "seeds", "rain", "frost", "bees", "compost", "tools", "shade", "pruning", "harvest"];

/** Ends spread over some six seconds, so that there is a progress to see. */
function bulkJobs(channel) {
  return Array.from({ length: BULK }, (_, i) => ({
    task: "generate",
    channel,
    lane: "bulk",
    input: {
      prompt: `Summarize note ${i + 1} about ${NOTES[i % NOTES.length]} in one sentence.`,
      model: `sandbox/chat!tokens=30,ttft_ms=${600 + i * 110}`,
    },
  }));
}

/** `hasProvider`: the blog post and the embedding go to the configured provider, by its default models. */
export function demoJobs(channel, hasProvider) {
  const model = (sandbox) => (hasProvider ? {} : { model: sandbox });
  return [
    {
      label: "blog post",
      about: "task generate, streams its text",
      path: "/v1/jobs",
      body: {
        task: "generate",
        channel,
        stream: true,
        max_attempts: 3,
        input: {
          instructions: "You are the writing assistant of a gardening blog. Plain words, no lists.",
          prompt: "Write a short blog post about keeping a garden journal, in 150 words at most.",
          ...model("sandbox/chat!tps=30,ttft_ms=800"),
        },
      },
    },
    {
      label: "embedding",
      about: "task embed, three texts",
      path: "/v1/jobs",
      body: {
        task: "embed",
        channel,
        max_attempts: 3,
        input: {
          input: ["When to sow beans", "The first frost of the year", "Beans after the frost"],
          ...model("sandbox/embedding!ttft_ms=400"),
        },
      },
    },
    {
      label: "flaky job",
      about: "the provider fails twice, then answers",
      path: "/v1/jobs",
      attempts: 3,
      body: {
        task: "generate",
        channel,
        input: { prompt: "Find a title for the post.", model: "sandbox/chat!status=500,times=2,ttft_ms=300" },
      },
    },
    {
      label: `bulk of ${BULK}`,
      about: "one request, lane bulk",
      path: "/v1/jobs/bulk",
      body: { jobs: bulkJobs(channel) },
    },
  ];
}
