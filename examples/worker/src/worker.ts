// A Worker of your own: POST /posts has a post written, GET /posts/{id} tells how it stands with it.

import { Errand, type GenerateOutput, NotFoundError } from "errand";

type Env = { ERRAND_URL: string; ERRAND_KEY: string };

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    // With a service binding: fetch: (url, init) => env.ERRAND.fetch(url, init)
    const errand = new Errand({ baseUrl: env.ERRAND_URL, key: env.ERRAND_KEY });
    const { pathname } = new URL(request.url);
    if (request.method === "POST" && pathname === "/posts") return order(errand, request);
    const id = /^\/posts\/(\w+)$/.exec(pathname)?.[1];
    if (request.method === "GET" && id) return look(errand, id);
    return Response.json({ error: "There is POST /posts, and GET /posts/{id}." }, { status: 404 });
  },
};

/** Answers at once: the job outlives this request, and this Worker. */
async function order(errand: Errand, request: Request): Promise<Response> {
  const { topic } = await request.json<{ topic: string }>();
  const { id } = await errand.jobs.submit("generate", { prompt: `Write a short post about ${topic}.` });
  return Response.json({ id }, { status: 202, headers: { location: `/posts/${id}` } });
}

async function look(errand: Errand, id: string): Promise<Response> {
  try {
    const { state, output, error } = await errand.jobs.get<GenerateOutput>(id);
    return Response.json({ state, text: output?.text ?? null, error });
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    return Response.json({ error: "There is no such post." }, { status: 404 });
  }
}
