// A bare server on the official TypeScript SDK with as many tools as ours, all of which do nothing.
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";

const server = new Server({ name: "bare", version: "1" }, { capabilities: { tools: {} } });
const inputSchema = { type: "object", properties: { entity: { type: "string", description: "Anything" } } };
server.setRequestHandler(ListToolsRequestSchema, () => ({
  tools: [0, 1, 2, 3, 4].map((n) => ({ name: `tool_${n}`, description: "Does nothing. ".repeat(20), inputSchema })),
}));
await server.connect(new StdioServerTransport());
