// Submits a job, waits for its end however long it takes, and prints what came of it.
import { Errand, JobFailedError } from "errand";

const errand = new Errand({ baseUrl: process.env.ERRAND_URL, key: process.env.ERRAND_KEY });
const [topic = "the sea"] = process.argv.slice(2);

/** None: the default one of the deployment. */
const model = process.env.ERRAND_MODEL;

try {
  const job = await errand.jobs.run("generate", { prompt: `Write a haiku about ${topic}.`, model });
  console.log(job.output.text);
  console.log(
    `\n${job.usage?.output_tokens} tokens in ${job.attempt} ${job.attempt === 1 ? "try" : "tries"}`,
  );
} catch (error) {
  if (!(error instanceof JobFailedError)) throw error;
  console.error(`${error.job.id} has failed: ${error.message}`);
  process.exitCode = 1;
}
