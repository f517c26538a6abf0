// Reads a JSON list of texts, writes the list of their o200k token counts.
import { encode } from "gpt-tokenizer/encoding/o200k_base";

let input = "";
for await (const chunk of process.stdin) input += chunk;
console.log(JSON.stringify(JSON.parse(input).map((text) => encode(text).length)));
