// A page of an app that has the client from npm, rendered on a server.

import { Errand } from "errand";
import { ErrandProvider, useJob, useJobStream, useSubmit } from "errand/react";
import { createElement } from "react";
import { renderToString } from "react-dom/server";

const errand = new Errand({ baseUrl: "https://errand.test", token: "t" });

function Page() {
  const { submit, job } = useSubmit("generate");
  const { isLoading } = useJob<{ text: string }>("job_1");
  const { text } = useJobStream(job?.id);
  // @ts-expect-error: not the input of the task
  const misuse = () => submit({ promt: "tea" });
  return createElement("p", { onClick: misuse }, `generate: ${isLoading ? "loading" : text}`);
}

console.log(renderToString(createElement(ErrandProvider, { client: errand }, createElement(Page))));
