// The official TypeScript client changes a deal; its user answers the question with a yes or a no. Printed as JSON.
// usage: node asked.mjs ANSWER stdio COMMAND ARG… | http URL | sse URL      ANSWER: accept, decline or none
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";

const [answer, transport, target, ...args] = process.argv.slice(2);
const connect = {
  stdio: () => new StdioClientTransport({ command: target, args, env: process.env }),
  http: () => new StreamableHTTPClientTransport(new URL(target)),
  sse: () => new SSEClientTransport(new URL(target)),
};

const capabilities = answer === "none" ? {} : { elicitation: {} };
const client = new Client({ name: "asked", version: "1" }, { capabilities });
const questions = [];
if (answer !== "none") {
  client.setRequestHandler(ElicitRequestSchema, (request) => {
    questions.push(request.params.message);
    return answer === "accept" ? { action: "accept", content: { confirm: true } } : { action: answer };
  });
}
await client.connect(connect[transport]());
await client.listTools();
const written = await client.callTool({
  name: "write_items",
  arguments: { entity: "deals", action: "update", items: [{ id: 5, amount: 3 }] },
});
console.log(JSON.stringify({ questions, written: written.structuredContent }));
await client.close();
