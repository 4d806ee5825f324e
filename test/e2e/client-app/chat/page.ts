// A chat of an app that has the client and the AI SDK from npm, rendered on a server.

import { Chat, useChat } from "@ai-sdk/react";
import { Errand } from "errand";
import { ErrandChatTransport, toGenerateMessages } from "errand/ai";
import { createElement } from "react";
import { renderToString } from "react-dom/server";

const errand = new Errand({ baseUrl: "https://errand.test", token: "t" });

const transport = new ErrandChatTransport({
  errand,
  input: (messages) => ({ messages: toGenerateMessages(messages), instructions: "Be brief." }),
  options: { channel: "user-42" },
});

const chat = new Chat({ id: "chat-7", transport });

function Page() {
  const { messages, sendMessage, stop, status } = useChat({ chat, resume: true });
  const click = () => (status === "ready" ? sendMessage({ text: "Tea?" }) : stop());
  return createElement("p", { onClick: click }, `${messages.length} messages, ${status}`);
}

export function compiles() {
  // @ts-expect-error: not the input of the task
  return new ErrandChatTransport({ errand, input: () => ({ promt: "tea" }) });
}

console.log(renderToString(createElement(Page)));
