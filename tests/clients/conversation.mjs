// One conversation of the official TypeScript client with a server, printed as JSON.
// usage: node conversation.mjs stdio COMMAND ARG… | http URL | sse URL
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [transport, target, ...args] = process.argv.slice(2);
const connect = {
  stdio: () => new StdioClientTransport({ command: target, args, env: process.env }),
  http: () => new StreamableHTTPClientTransport(new URL(target)),
  sse: () => new SSEClientTransport(new URL(target)),
};

const client = new Client({ name: "conversation", version: "1" });
await client.connect(connect[transport]());
const { tools } = await client.listTools();
const deals = await client.callTool({ name: "aggregate", arguments: { entity: "deals" } });
const wrong = await client.callTool({ name: "aggregate", arguments: { entity: "dealz" } });
const { resources } = await client.listResources();
const { prompts } = await client.listPrompts();
console.log(
  JSON.stringify({
    title: client.getServerVersion().title,
    tools: tools.map((tool) => tool.name),
    deals: deals.structuredContent,
    wrong: [wrong.isError, wrong.structuredContent.error.code],
    resources,
    prompts,
  }),
);
await client.close();
