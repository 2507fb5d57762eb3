// flags.mjs - the flags of a script of this folder. --help prints the comment that the script begins with.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

// The values, as parseArgs has them. `script` is the script's import.meta.url.
export function readFlags(script, options) {
  const help = readFileSync(fileURLToPath(script), 'utf8').match(/^(\/\/.*\n)+/)[0].replace(/^\/\/ ?/gm, '');
  try {
    const { values } = parseArgs({ options: { ...options, help: { type: 'boolean', short: 'h' } } });
    if (!values.help) return values;
  } catch (error) {
    process.stderr.write(`${error.message}\n\n${help}`);
    process.exit(2);
  }
  process.stdout.write(help);
  process.exit(0);
}
