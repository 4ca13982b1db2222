// Holds documents against a JSON Schema with ajv, a validator that shares no code with
// ours. Usage: node validate.mjs MODULES SCHEMA DOCUMENT...; it prints what is wrong.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [modules, schema, ...documents] = process.argv.slice(2);
const require = createRequire(pathToFileURL(modules + '/'));
const Ajv = require('ajv/dist/2020').default;
const ajv = new Ajv({ allErrors: true, strict: true, strictTypes: false });
require('ajv-formats').default(ajv);
const validate = ajv.compile(JSON.parse(readFileSync(schema)));
for (const path of documents) {
  if (!validate(JSON.parse(readFileSync(path)))) {
    for (const e of validate.errors.slice(0, 5)) console.log(`${path}: ${e.instancePath} ${e.message}`);
  }
}
