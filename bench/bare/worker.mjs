// The bare pipeline: POST -> queue -> model -> Durable Object -> socket, with no database, checks or retries. And the bare
// proxy: a model call passed through.
import { DurableObject } from "cloudflare:workers";

export class Hub extends DurableObject {
  fetch() {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    server.send(JSON.stringify({ type: "snapshot" }));
    return new Response(null, { status: 101, webSocket: client });
  }

  publish(event) {
    for (const socket of this.ctx.getWebSockets()) socket.send(JSON.stringify(event));
  }

  webSocketMessage() {}
}

function callModel({ id, prompt }, env) {
  const [{ base_url }] = JSON.parse(env.PROVIDERS);
  return fetch(`${base_url}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-errand-job": id },
    body: JSON.stringify({ model: "stand-in", stream: true, messages: [{ role: "user", content: prompt }] }),
  });
}

async function runJob({ id, prompt }, env) {
  const response = await callModel({ id, prompt }, env);
  await response.text();
  await env.HUB.getByName("hub").publish({ type: "job.completed", job_id: id });
}

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/v1/events") return env.HUB.getByName("hub").fetch(request);
    if (pathname === "/chat/completions") return callModel({ id: "none", prompt: "Tea" }, env);
    if (pathname !== "/v1/jobs") return new Response("ok");
    const { prompt } = await request.json();
    const id = crypto.randomUUID();
    await env.QUEUE.send({ id, prompt });
    return Response.json({ id }, { status: 202 });
  },

  queue(batch, env, ctx) {
    ctx.waitUntil(Promise.all(batch.messages.map(({ body }) => runJob(body, env))));
  },
};
