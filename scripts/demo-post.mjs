// The text of a streaming job, broken into lines and shown while it is written.
import { bold, dim } from "./terminal.mjs";

const EDGE = dim("│ ");

/** Breaks text that comes in pieces into lines. `partial` is the line that is not full yet. */
function createWrapper(width, onLine) {
  let line = "";
  const end = () => {
    onLine(line);
    line = "";
  };
  const put = (char) => {
    line += char;
    if (line.length <= width) return;
    const space = line.lastIndexOf(" ", width);
    const at = space > 0 ? space : width;
    onLine(line.slice(0, at));
    line = line.slice(at).trimStart();
  };
  return {
    write(text) {
      for (const char of text) char === "\n" ? end() : put(char);
    },
    partial: () => line,
    end: () => line !== "" && end(),
  };
}

const show = (line) => EDGE + (line.startsWith("#") ? bold(line.replace(/^#+\s*/, "")) : line);

export function createPost(screen) {
  const wrapper = createWrapper(screen.textWidth - 3, (line) => screen.print(show(line)));
  let text = "";
  const add = (words) => {
    text += words;
    wrapper.write(words);
  };
  const startOver = (words) => {
    if (text !== "") {
      wrapper.end();
      screen.print(dim("(the stream broke off; the next attempt starts anew)"));
    }
    text = "";
    add(words);
  };
  return {
    text: () => text,
    end: () => wrapper.end(),
    /** The lines to show live: the one that is being written. */
    live: () => (wrapper.partial() ? [show(wrapper.partial())] : []),
    /** Takes a message of the job's stream. */
    take(message) {
      if (message.type === "text") add(message.text);
      if (message.type === "rollback") startOver(message.text);
    },
  };
}
