// What `import … from "errand/ai"` gives.

export { toGenerateMessages } from "./chat-messages.ts";
export { type ChatRequest, ErrandChatTransport, type ErrandChatTransportOptions } from "./chat-transport.ts";
