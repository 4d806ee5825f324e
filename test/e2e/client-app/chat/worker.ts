// A Worker of an app that has the client from npm.

import { Errand } from "errand";
import { ErrandChatTransport } from "errand/ai";

type Env = { ERRAND_URL: string; ERRAND_KEY: string };

export default {
  async fetch(_: Request, env: Env): Promise<Response> {
    const errand = new Errand({ baseUrl: env.ERRAND_URL, key: env.ERRAND_KEY });
    const input = { prompt: "Say hello.", model: "sandbox/chat!reply=Hello" };
    const running = await new ErrandChatTransport({ errand }).reconnectToStream({ chatId: "none" });
    return Response.json({ generated: await errand.generate(input).text(), running });
  },
};
